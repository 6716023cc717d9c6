"""What changed between two resolved specifications, in words."""

from __future__ import annotations

import json
from typing import Any

_SHOWN = 60


def changes(old: Any, new: Any, path: str = "") -> list[str]:
    """Return one line per differing value, e.g. ``models[0].generation.num_beams: 10 → 1``.

    Both sides are plain JSON values.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        return [line for key in keys for line in _member(old, new, key, path)]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for i, (a, b) in pairs for line in changes(a, b, f"{path}[{i}]")]
    if old == new and type(old) is type(new):
        return []
    return [f"{path or 'all'}: {_shown(old)} → {_shown(new)}"]


def _member(old: dict[str, Any], new: dict[str, Any], key: str, path: str) -> list[str]:
    inner = f"{path}.{key}" if path else key
    if key not in new:
        return [f"{inner}: {_shown(old[key])} → not set"]
    if key not in old:
        return [f"{inner}: not set → {_shown(new[key])}"]
    return changes(old[key], new[key], inner)


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
