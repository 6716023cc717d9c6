"""Find a checkpoint: a local folder, one that comes with the package, or a hub id."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from models.errors import InputError, MissingError

BUNDLED = Path(__file__).parent / "weights"
"""Folder of the small models that come with the package."""

ALIASES = {
    "libra-v1.0-7b": "X-iZhang/libra-v1.0-7b",
    "libra-v1.0-3b": "X-iZhang/libra-v1.0-3b",
    "Med-CXRGen-F": "X-iZhang/Med-CXRGen-F",
    "Med-CXRGen-I": "X-iZhang/Med-CXRGen-I",
    "libra-llava-med-v1.5-mistral-7b": "X-iZhang/libra-llava-med-v1.5-mistral-7b",
    "llava-med-v1.5-mistral-7b": "microsoft/llava-med-v1.5-mistral-7b",
}
"""Short names of published models, and their hub ids."""

_PATTERNS = ["*.json", "*.safetensors", "*.bin", "*.model", "*.txt", "*.jinja"]
"""What is downloaded: weights, settings and tokenizers, never code."""


def locate(path_or_id: str | Path, revision: str | None = None) -> Path:
    """Return the folder of a checkpoint, downloading it if it is a hub id that is not here yet.

    Parameters
    ----------
    path_or_id
        A folder, the name of a bundled model, a short name of ``ALIASES``, or a hub id.
    revision
        Branch, tag or commit on the hub.

    Raises
    ------
    InputError
        If this cannot be a folder's path nor a hub id.
    MissingError
        If it is not here and cannot be downloaded; the message names the command that gets it.
    """
    given = str(path_or_id)
    folder = _local(given)
    return _from_hub(ALIASES.get(given, given), revision) if folder is None else folder


def is_here(path_or_id: str | Path, revision: str | None = None) -> bool:
    """Return whether ``locate`` finds it without the network."""
    given = str(path_or_id)
    return _local(given) is not None or _cached(ALIASES.get(given, given), revision) is not None


def _local(given: str) -> Path | None:
    folder, bundled = Path(os.path.expanduser(given)), BUNDLED / given
    if given and os.path.isdir(folder):  # a name too long for a file system is no folder
        return folder
    # a name alone: nothing beside the bundled models is reached through theirs
    return bundled if bundled.parent == BUNDLED and os.path.isdir(bundled) else None


def _from_hub(hub_id: str, revision: str | None) -> Path:
    found = _cached(hub_id, revision)
    if found is not None:
        return found
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=_PATTERNS))
    except HFValidationError:
        raise InputError(
            f"There is no folder {hub_id!r}. Give a checkpoint's folder or hub id."
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, RuntimeError) as error:
        raise MissingError(
            f"{_suggestion(hub_id)}The weights {hub_id!r} are not on this machine and could not be "
            f"downloaded ({type(error).__name__}). With network: `hf download {hub_id}`; without: "
            "copy the folder here and give its path."
        ) from error


def _suggestion(name: str) -> str:
    """Return a question about a name that is nearly one of ours."""
    known = [*ALIASES, *(folder.name for folder in BUNDLED.iterdir() if folder.is_dir())]
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f"Did you mean {nearest[0]!r}? " if nearest and name not in ALIASES.values() else ""


def _cached(hub_id: str, revision: str | None) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None
    except RuntimeError:  # the hub's cache is in the home folder of a user who has none
        return None
