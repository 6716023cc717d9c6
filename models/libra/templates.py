"""The conversation templates of Libra as data, and which one a checkpoint's name calls for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from models.arguments import check_argument
from models.errors import InputError

DEFAULT = "libra_v1"

# Tried in this order on the lower-cased name, as the original does. "llava_med" never meets a
# name that is spelled with a hyphen; that is the original's too.
_BY_NAME = (
    ("libra-v1.0-3b", "libra_llama_3"),
    ("cxrgen", "libra_v0"),
    ("mistral", "mistral_instruct"),
    ("llava_med", "llava_med_v1.5_mistral_7b"),
    ("maira", "maira_2"),
)


@dataclass(frozen=True)
class Template:
    """How a conversation becomes a prompt.

    ``roles`` are the user's and the assistant's names as printed, ``separators`` what ends a turn
    (the second is the assistant's where the style has one), ``preset`` the turns that stand before
    the caller's. ``version`` steers which tokens training learns from.
    """

    style: str
    version: str
    system: str
    roles: tuple[str, str]
    separators: tuple[str, str | None]
    preset: tuple[str, ...] = ()


@dataclass(frozen=True)
class TemplateChoice:
    """The template that a checkpoint's name calls for, and the sentence that says why."""

    name: str
    reason: str


def names() -> list[str]:
    """Return the names of all templates, in the original's order."""
    return list(_all())


def find(name: str) -> Template:
    """Return the template of that name.

    Raises
    ------
    InputError
        If there is none; the nearest name is offered.
    """
    check_argument("template", name, str)
    known = _all()
    if name in known:
        return known[name]
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {nearest[0]!r}?" if nearest else f"Known: {', '.join(known)}."
    raise InputError(f"Unknown conversation template {name!r}. {hint}")


def choose(folder: str) -> TemplateChoice:
    """Return the template that the original takes for a checkpoint folder or hub id.

    It looks at nothing but the name, so this is a guess: say ``reason`` aloud.

    >>> choose("X-iZhang/Med-CXRGen-F")
    TemplateChoice(name='libra_v0', reason="the name 'Med-CXRGen-F' contains 'cxrgen'")
    """
    check_argument("folder", folder, str)
    name = model_name(folder)
    for part, template in _BY_NAME:
        if part in name.lower():
            return TemplateChoice(template, f"the name {name!r} contains {part!r}")
    return TemplateChoice(DEFAULT, f"the name {name!r} tells nothing, so it is the default")


def model_name(folder: str) -> str:
    """Return a checkpoint's name: the last part of its path, with its parent for a training step.

    >>> model_name("/m/libra-v1.0-7b-lora/checkpoint-2000/")
    'libra-v1.0-7b-lora_checkpoint-2000'
    """
    parts = folder.strip("/").split("/")
    if parts[-1].startswith("checkpoint-") and len(parts) > 1:
        return "_".join(parts[-2:])
    return parts[-1]


@cache
def _all() -> dict[str, Template]:
    import yaml

    text = files("models.libra").joinpath("templates.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    systems = content["system_texts"]
    return {name: _template(entry, systems) for name, entry in content["templates"].items()}


def _template(entry: Mapping[str, Any], systems: Mapping[str, str]) -> Template:
    return Template(
        style=entry["style"],
        version=entry["version"],
        system=systems[entry["system"]],
        roles=tuple(entry["roles"]),
        separators=tuple(entry["separators"]),
        preset=tuple(entry.get("preset", ())),
    )
