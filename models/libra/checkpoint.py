"""Which files make up a checkpoint, told by what its folder holds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from models.errors import InputError, MissingError
from models.hub import locate
from models.libra.config import LibraConfig, read_config, read_json
from models.libra.templates import TemplateChoice, choose, model_name
from models.weights_files import find_weights

Layout = Literal["full", "lora", "projector"]

ADAPTER_FILES = ("adapter_model.safetensors", "adapter_model.bin")
BASE_FIELD = "harness_base"
"""The field of config.json, one of ours, that names what a projector stands on."""
NON_LORA_FILE = "non_lora_trainables.bin"
_PROJECTOR_FILES = ("mm_projector.bin", "mm_projector.safetensors", "mm_tac_projector.bin")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint of the Libra family, found and described but not loaded.

    Parameters
    ----------
    name
        What the folder is called; for a training checkpoint ``<parent>_<checkpoint-…>``.
    folder
        Where config.json is.
    layout
        ``full``: one folder has everything. ``lora``: an adapter over a base, with other trained
        tensors beside it. ``projector``: a projector over a base.
    weights
        Files of the whole model, the base's unless the layout is ``full``.
    extra
        Files whose tensors replace the base's.
    text_folder
        Where tokenizer and generation settings are.
    notes
        What was decided for the user, to be put on record.
    """

    name: str
    folder: Path
    layout: Layout
    config: LibraConfig
    weights: list[Path]
    extra: list[Path]
    text_folder: Path
    notes: list[str] = field(default_factory=list)

    @property
    def template(self) -> TemplateChoice:
        """The template of questions that name none: the one on record, else by the name."""
        recorded = self.config.template
        if recorded is not None:
            return TemplateChoice(recorded, "config.json names it (harness_template)")
        return choose(self.name)

    @property
    def files(self) -> list[Path]:
        """Every file of weights that is read, but for a tower's own folder."""
        adapter = [find_adapter(self.folder)] if self.layout == "lora" else []
        return [*self.weights, *self.extra, *adapter]


def find_checkpoint(
    path_or_id: str | Path, base: str | Path | None = None, revision: str | None = None
) -> Checkpoint:
    """Return what a folder or hub id holds.

    Parameters
    ----------
    path_or_id
        The checkpoint.
    base
        The language model or full checkpoint below a LoRA adapter or a projector.
    revision
        Branch, tag or commit on the hub.

    Raises
    ------
    InputError
        If it is of another family, or there is a base too many.
    MissingError
        If files, or the base, are not there.
    """
    folder = locate(path_or_id, revision)
    config = read_config(folder)
    given = Path(path_or_id).expanduser()
    # made absolute but not resolved: a link's own name counts, as in the original
    name = model_name(os.path.abspath(given) if given.is_dir() else str(path_or_id))
    if (folder / "adapter_config.json").is_file():
        return _lora(name, folder, config, base)
    projectors = _projector_files(folder)
    whole = find_weights(folder)
    if base is not None or not whole:
        if len(projectors) != 1:
            raise _not_one_projector(folder, projectors, bool(whole))
        return _projector_only(name, folder, config, base, projectors[0])
    return Checkpoint(name, folder, "full", config, whole, [], folder)


def find_adapter(folder: Path) -> Path:
    """Return the file of a LoRA adapter's tensors."""
    for name in ADAPTER_FILES:
        if (folder / name).is_file():
            return folder / name
    raise MissingError(f"{folder} has adapter_config.json but no {' or '.join(ADAPTER_FILES)}.")


def _lora(name: str, folder: Path, config: LibraConfig, base: str | Path | None) -> Checkpoint:
    notes = []
    named = read_json(folder / "adapter_config.json").get("base_model_name_or_path")
    if base is None:
        if not named:
            raise InputError(f"{folder} is a LoRA adapter. Give the base it was trained on.")
        base = _named_base(str(named), folder)
        notes.append(f"the base is the one that adapter_config.json names ({named})")
    elif named and _last_name(str(named)) != _last_name(str(base)):
        notes.append(f"the base is {base}, but adapter_config.json names {named}")
    below = locate(base)
    extra = [folder / NON_LORA_FILE] if (folder / NON_LORA_FILE).is_file() else []
    find_adapter(folder)
    return Checkpoint(name, folder, "lora", config, _whole(below), extra, below, notes)


def _named_base(named: str, folder: Path) -> str | Path:
    beside = folder.parent / named
    return beside if beside.is_dir() else named


def _last_name(path_or_id: str) -> str:
    return os.path.basename(os.path.abspath(os.path.expanduser(path_or_id)))


def _projector_only(
    name: str, folder: Path, config: LibraConfig, base: str | Path | None, projector: Path
) -> Checkpoint:
    notes = []
    if base is None:
        named = read_json(folder / "config.json").get(BASE_FIELD)
        if not isinstance(named, str):
            raise InputError(
                f"{folder} holds a projector only. Give the language model it stands on as base."
            )
        base = _named_base(named, folder)
        notes.append(f"the base is the one that config.json names ({named})")
    below = locate(base)
    return Checkpoint(name, folder, "projector", config, _whole(below), [projector], below, notes)


def _whole(folder: Path) -> list[Path]:
    files = find_weights(folder)
    if not files:
        raise MissingError(f"The base {folder} holds no weights of a whole model.")
    return files


def _projector_files(folder: Path) -> list[Path]:
    """Return the projector of a folder; several where it cannot be told which."""
    for name in _PROJECTOR_FILES:
        if (folder / name).is_file():
            return [folder / name]
    return sorted(folder.glob("*projector*.bin")) + sorted(folder.glob("*projector*.safetensors"))


def _not_one_projector(
    folder: Path, projectors: Sequence[Path], is_whole: bool
) -> InputError | MissingError:
    if projectors:
        names = ", ".join(file.name for file in projectors)
        return InputError(
            f"{folder} holds {len(projectors)} projectors ({names}). Name the one to be read "
            f"{_PROJECTOR_FILES[0]}."
        )
    if is_whole:
        return InputError(f"{folder} is a whole checkpoint. Leave base out.")
    return MissingError(
        f"{folder} holds neither weights of a whole model, nor a LoRA adapter, nor a projector. "
        "Download it again."
    )
