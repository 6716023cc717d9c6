"""Load a model by path or name, and choose the engine that decodes for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models.arguments import check_argument
from models.devices import placement
from models.errors import InputError
from models.images.feature_cache import FeatureCache

if TYPE_CHECKING:
    from models.libra.reporter import LibraReporter


def load(
    path_or_id: str | Path,
    base: str | Path | None = None,
    engine: str = "transformers",
    device: str | None = None,
    dtype: str | None = None,
    *,
    batch_size: int = 8,
    cache: FeatureCache | None = None,
    revision: str | None = None,
) -> LibraReporter:
    """Return a model of the Libra family, ready to write reports.

    Parameters
    ----------
    path_or_id
        A checkpoint's folder in any published layout, the name of a bundled model such as
        ``libra-phantom``, a short name such as ``libra-v1.0-7b``, or a hub id.
    base
        For LoRA and projector-only checkpoints: the language model or full checkpoint below.
    engine
        ``transformers``, or ``vllm`` where it is installed (beam search stays with transformers).
    device, dtype
        As `models.devices.placement` takes them; None: what the machine has.
    batch_size
        Prompts that are decoded together.
    cache
        Where image features are kept on disk.
    revision
        Branch, tag or commit on the hub.

    Raises
    ------
    InputError
        If it is not of the family, or its weights do not fit (a table says which).
    MissingError
        If weights, the tower or a package are not there.
    """
    _check(path_or_id, base, engine, device, dtype, batch_size, cache, revision)
    from models.libra.assembly import assemble
    from models.libra.checkpoint import find_checkpoint

    checkpoint = find_checkpoint(path_or_id, base, revision)
    return assemble(checkpoint, placement(device, dtype), engine, batch_size, cache)


def _check(
    path_or_id: object,
    base: object,
    engine: object,
    device: object,
    dtype: object,
    batch_size: int,
    cache: object,
    revision: object,
) -> None:
    check_argument("path_or_id", path_or_id, str, Path)
    check_argument("base", base, str, Path, None)
    check_argument("engine", engine, str)
    check_argument("device", device, str, None)
    check_argument("dtype", dtype, str, None)
    check_argument("batch_size", batch_size, int)
    check_argument("cache", cache, FeatureCache, None)
    check_argument("revision", revision, str, None)
    if batch_size < 1:
        raise InputError(f"batch_size {batch_size} is below 1.")
