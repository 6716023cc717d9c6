"""Whether a file or folder is what its name says: read without running code or unpacking abroad."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from metrics.errors import InputError, MissingError
from metrics.weights.hashes import hash_weights
from metrics.weights.layouts import CONFIG, UNPACKED, lacking, model_files
from metrics.weights.needs import absent_packages
from metrics.weights.table import Weight

_OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How checkpoints of torch before 1.6 begin."""


def check(wanted: Weight, path: Path) -> None:
    """Raise InputError unless the path holds these weights.

    Settings, tokenizers and tensors are read where torch and transformers are installed; nothing
    that a pickle or an archive holds is run or written outside a temporary folder.
    """
    if missing := lacking(wanted, path):
        raise InputError(
            f"{path} is not {wanted.name}: {', '.join(missing)} is not there. It is "
            f"{wanted.page}{f', file {wanted.file}' if wanted.file else ''}."
        )
    try:
        _CHECKS[wanted.kind](wanted, path)
    except (MissingError, OSError) as error:
        raise InputError(f"{path} is not {wanted.name}: {error}") from error
    if wanted.sha256 is not None and (found := hash_weights(wanted, path)) != wanted.sha256:
        raise InputError(
            f"{path} is not the official {wanted.name}: its SHA-256 is {found}, not "
            f"{wanted.sha256}. Download it again with `{wanted.download}`."
        )


def _check_archive(wanted: Weight, path: Path) -> None:
    from metrics.annotators.radgraph.archive import unpacked
    from metrics.annotators.radgraph.settings import MODEL_TYPES, read_settings

    with unpacked(path) as folder:
        absent = [name for name in UNPACKED if not (folder / name).is_file()]
        if absent:
            raise InputError(f"{path} is no archive of RadGraph: it holds no {', '.join(absent)}.")
        dataset = read_settings(folder, path).dataset
        if dataset in MODEL_TYPES and dataset != wanted.name:
            raise InputError(f"{path} is an archive of {dataset}, not of {wanted.name}.")
        _check_tensors(folder / "weights.th", path / "weights.th")


def _check_checkpoint(wanted: Weight, path: Path) -> None:
    with path.open("rb") as file:
        old = file.read(len(_OLD_TORCH)) == _OLD_TORCH
    if not old and not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} is no checkpoint that torch saved. {wanted.name} is {wanted.page}, file "
            f"{wanted.file}."
        )
    if not absent_packages():
        from metrics.annotators.checkpoints import read_checkpoint

        read_checkpoint(path)


def _check_folder(wanted: Weight, path: Path) -> None:
    found = _model_type(path / CONFIG)
    if found not in wanted.model_types:
        raise InputError(
            f"{path} is not {wanted.name}: its {CONFIG} is of a {found} model, not of "
            f"{' or '.join(wanted.model_types)}. It is {wanted.page}."
        )
    if absent_packages():
        return
    from metrics.annotators.encoders import check_vocabulary, load_config, load_tokenizer

    check_vocabulary(load_tokenizer(path), load_config(path), path)
    if wanted.kind == "model":
        for file in model_files(path):
            if file.suffix in (".safetensors", ".bin"):
                _check_tensors(file, file)


def _model_type(file: Path) -> str | None:
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{file} is no encoder's configuration: {error}") from error
    found = settings.get("model_type") if isinstance(settings, dict) else None
    return found if isinstance(found, str) else None


def _check_tensors(file: Path, shown: Path) -> None:
    if absent_packages():
        return
    from metrics.annotators.checkpoints import read_checkpoint, tensors

    if not tensors(read_checkpoint(file, shown), shown):
        raise InputError(f"{shown} holds no tensors. Download it again.")


_CHECKS = {
    "archive": _check_archive,
    "checkpoint": _check_checkpoint,
    "encoder": _check_folder,
    "model": _check_folder,
}
