"""Find weights on this machine: the weights folder, then where official packages keep them."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from metrics.cache import default_path
from metrics.errors import InputError, MissingError
from metrics.weights.table import WEIGHTS, Weight


def weights_folder() -> Path:
    """Return ``CXR_HARNESS_WEIGHTS``, or ``weights`` in the cache folder."""
    named = os.environ.get("CXR_HARNESS_WEIGHTS")
    return Path(named).expanduser() if named else default_path().parent / "weights"


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
    places = [weights_folder() / wanted.place, *_elsewhere(wanted), *_hub(wanted)]
    return next((place for place in places if is_whole(wanted, place)), None)


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


def is_whole(wanted: Weight, place: Path) -> bool:
    """Return whether something that can be these weights is at ``place``."""
    if wanted.kind == "folder":
        return place.is_dir() and all((place / name).is_file() for name in wanted.holds)
    # an archive that an official package has unpacked will do as well
    return place.is_file() or (place / "weights.th").is_file()


def how_to_get(names: list[str]) -> str:
    """Return one message that names all missing weights and the commands that get them."""
    rows = [weight(name) for name in names]
    lines = [f"  {row.name}: {row.download}  (licence: {row.licence})" for row in rows]
    first = rows[0]
    return "\n".join(
        [
            f"These weights are not on this machine: {', '.join(names)}. Download them",
            *lines,
            "into the hub's cache, or elsewhere and then `cxr-harness weights import PATH --as "
            f"{first.name}`. `cxr-harness weights list` shows all.",
        ]
    )


def _elsewhere(wanted: Weight) -> list[Path]:
    home = Path.home()
    return [place for pattern in wanted.elsewhere for place in sorted(home.glob(pattern))]


def _hub(wanted: Weight) -> list[Path]:
    if find_spec("huggingface_hub") is None:
        return []
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(wanted.hub, wanted.file or "config.json")
    if not isinstance(found, str):
        return []
    return [Path(found) if wanted.file else Path(found).parent]
