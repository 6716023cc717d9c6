"""Find weights on this machine: the weights folder, then where official packages keep them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from metrics.cache import default_path, expanded
from metrics.errors import InputError, MissingError
from metrics.weights.layouts import CONFIG, lacking
from metrics.weights.table import WEIGHTS, Weight

CHEXBERTS_ENCODER = "bert-base-uncased"


def weights_folder() -> Path:
    """Return ``CXR_HARNESS_WEIGHTS``, or ``weights`` in the cache folder."""
    named = os.environ.get("CXR_HARNESS_WEIGHTS")
    if named:
        return expanded(Path(named), "CXR_HARNESS_WEIGHTS")
    return default_path().parent / "weights"


def weight(name: str) -> Weight:
    """Return the table's row of this name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in WEIGHTS:
        raise InputError(f"Unknown weights {name!r}. Known: {', '.join(WEIGHTS)}.")
    return WEIGHTS[name]


def find(name: str) -> Path | None:
    """Return where the weights are on this machine, or None."""
    wanted = weight(name)
    return next((place for place in _places(wanted) if not lacking(wanted, place)), None)


def locate(name: str) -> Path:
    """Return where the weights are on this machine.

    Raises
    ------
    InputError
        If no weights have this name.
    MissingError
        If they are not here; the message says how to get them.
    """
    found = find(name)
    if found is None:
        raise MissingError(how_to_get([name]))
    return found


def how_to_get(names: Sequence[str]) -> str:
    """Return one message that names all missing weights and the commands that get them."""
    rows = [weight(name) for name in names]
    lines = [f"  {row.name}: {row.download}  (licence: {row.licence})" for row in rows]
    return "\n".join(
        [
            f"These weights are not on this machine: {', '.join(names)}. Download them",
            *lines,
            "into the hub's cache, or elsewhere and then `cxr-harness weights import PATH --as "
            f"{rows[0].name}`. `cxr-harness weights list` shows all.",
        ]
    )


def _places(wanted: Weight) -> Iterator[Path]:
    yield weights_folder() / wanted.place
    home = Path(os.path.expanduser("~"))  # stays as it is for a user without a home
    for pattern in wanted.elsewhere:
        yield from sorted(home.glob(pattern))
    yield from _hub(wanted.hub, wanted.file or CONFIG, folder=wanted.file is None)
    if wanted.named_by is not None:
        yield from _beside(wanted.named_by)


def _beside(owner: str) -> Iterator[Path]:
    """Yield where an encoder is under the name that the file it belongs to has for it."""
    file = find(owner)
    if file is None:
        return
    facts = file.stat()
    name = _encoder_named(owner, file, facts.st_mtime_ns, facts.st_size)
    if name is not None:
        yield file.parent / name
        yield from _hub(name, CONFIG, folder=True)


@lru_cache
def _encoder_named(owner: str, file: Path, changed: int, size: int) -> str | None:
    from metrics.annotators.radgraph.archive import encoder_name

    if weight(owner).kind == "checkpoint":
        return CHEXBERTS_ENCODER
    try:
        return encoder_name(file)
    except InputError:
        return None  # loading it will say what is wrong with it


def _hub(repository: str, file: str, folder: bool) -> Iterator[Path]:
    if find_spec("huggingface_hub") is None:
        return
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(repository, file)
    except HFValidationError:
        return
    if isinstance(found, str):
        yield Path(found).parent if folder else Path(found)
