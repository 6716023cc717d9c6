"""The language model of a Libra or LLaVA checkpoint as a folder of its own, without copying it.

Other programs (vLLM, llama.cpp) read plain Llama, Mistral, … folders, and stop at a ``model_type``
or at tensors that they do not know. The view made here names the plain type, links to the shards
that hold the language model alone, and writes anew only those that hold something else too.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from models.errors import InputError, MissingError
from models.libra.config import LANGUAGE_CLASSES, PLAIN, LibraConfig, read_config
from models.weights_files import find_weights, read_tensors

_LAYOUT = 1  # part of the view's name: raise it when a view is made differently
_NOT_LANGUAGE = re.compile(
    r"(^|\.)(mm_projector|vision_tower|vision_resampler|image_newline)(\.|$)"
)
_BLOCK_BYTES = 1 << 22


def plain_language_model(folder: Path, cache: Path) -> Path:
    """Return a folder with the checkpoint's language model in transformers' own layout.

    Parameters
    ----------
    folder
        A whole checkpoint; a plain language model is returned as it is.
    cache
        Where the view is kept. Its name is a hash of the settings and of each weight file's path,
        size and time, so a changed checkpoint gets another view; an unfinished one is never seen.

    Raises
    ------
    InputError
        If the checkpoint is of another family, or a weight file is damaged.
    MissingError
        If weights are not there.
    """
    config = read_config(folder)
    if config.family in PLAIN:
        return folder
    weights = find_weights(folder)
    if not weights:
        raise MissingError(f"{folder} holds no weights of a whole model. Download it again.")
    view = cache / "language_models" / _name(config, weights)
    if not view.is_dir():
        view.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=view.parent, prefix=".unfinished-") as scratch:
            _build(Path(scratch) / "view", folder, config, weights)
            _move(Path(scratch) / "view", view)
    return view


def _name(config: LibraConfig, weights: list[Path]) -> str:
    found = [
        (str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in weights
    ]
    facts = json.dumps([_LAYOUT, config.family, dict(config.language_model), found], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def _move(made: Path, view: Path) -> None:
    try:
        made.rename(view)
    except OSError:
        # Another process was faster; what it made is the same.
        if not view.is_dir():
            raise


def _build(view: Path, folder: Path, config: LibraConfig, weights: list[Path]) -> None:
    view.mkdir()
    settings = {
        **config.language_model,
        "model_type": config.model_type,
        "architectures": [LANGUAGE_CLASSES[config.model_type]],
    }
    (view / "config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
    for file in folder.iterdir():
        is_weights = file.suffix in (".safetensors", ".bin") or file.name.endswith(".index.json")
        if file.is_file() and not is_weights and file.name != "config.json":
            (view / file.name).symlink_to(file.resolve())
    places: dict[str, str] = {}
    for number, file in enumerate(weights, 1):
        name = f"model-{number:05d}-of-{len(weights):05d}.safetensors"
        places |= dict.fromkeys(_write_shard(file, view / name), name)
    index = {"metadata": {}, "weight_map": places}
    (view / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def _write_shard(file: Path, target: Path) -> list[str]:
    """Put a shard's language model at ``target``, and return the names of its tensors."""
    if file.suffix != ".safetensors":
        return _convert(file, target)
    with file.open("rb") as stream:
        header = _header(stream, file)
        names = [name for name in header if name != "__metadata__"]
        kept = [name for name in names if not _NOT_LANGUAGE.search(name)]
        if kept == names:
            target.symlink_to(file.resolve())
        elif kept:
            _copy(stream, {name: header[name] for name in kept}, target)
    return kept


def _convert(file: Path, target: Path) -> list[str]:
    from safetensors.torch import save_file

    tensors = read_tensors(file)
    # Cloned, since tensors of a pickle may share memory, which safetensors refuses.
    kept = {n: t.clone().contiguous() for n, t in tensors.items() if not _NOT_LANGUAGE.search(n)}
    if kept:
        save_file(kept, target, metadata={"format": "pt"})
    return list(kept)


def _header(stream: BinaryIO, file: Path) -> dict[str, Any]:
    """Return what a safetensors file says of its tensors; the stream stands at their first byte."""
    size_bytes = file.stat().st_size
    length = int.from_bytes(stream.read(8), "little")
    header: dict[str, Any] = {}
    try:
        if 8 + length <= size_bytes:
            header = dict(json.loads(stream.read(length)))
        spans = [entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"]
        fits = all(0 <= begin <= end <= size_bytes - 8 - length for begin, end in spans)
    except (ValueError, KeyError, TypeError):
        fits = False
    if not header or not fits:
        raise InputError(f"{file} is no whole safetensors file. Download it again.")
    return header


def _copy(stream: BinaryIO, entries: Mapping[str, Mapping[str, Any]], target: Path) -> None:
    """Write a safetensors file of some tensors of another, byte by byte: no type is left out."""
    start, end = stream.tell(), 0
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    for name, entry in entries.items():
        length = entry["data_offsets"][1] - entry["data_offsets"][0]
        header[name] = {**entry, "data_offsets": [end, end + length]}
        end += length
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with target.open("wb") as output:
        output.write(len(text).to_bytes(8, "little") + text)
        for entry in entries.values():
            begin, stop = entry["data_offsets"]
            stream.seek(start + begin)
            _copy_bytes(stream, output, stop - begin)
        output.flush()
        os.fsync(output.fileno())


def _copy_bytes(stream: BinaryIO, output: BinaryIO, length: int) -> None:
    while length and (block := stream.read(min(length, _BLOCK_BYTES))):
        output.write(block)
        length -= len(block)
