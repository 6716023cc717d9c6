"""Which predictions a run folder holds: what identifies each system's, and whether it changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.fingerprint import file_hash, generation_key, images_of, requests_print
from harness.run_folder import RunFolder
from harness.spec_changes import changes
from models.adapter import Adapter, Request

_STOPPED = "stopped"


def claim(folder: RunFolder, system: str, key: Mapping[str, Any], *, model: str) -> None:
    """Put on record what identifies a system's predictions, or check that nothing changed."""
    generations = folder.record.get("generations", {})
    path = folder.predictions_path(system)
    entry = {"model": model, "key": json.loads(json.dumps(key))}
    if system in generations:
        known = {name: value for name, value in generations[system].items() if name != _STOPPED}
        lines = changes(known, entry)
        if lines:
            raise InputError(
                f"{path} was made with something else. What changed: {'; '.join(lines)}. "
                "Give --fresh to generate again, or another --output to keep both."
            )
        return
    if path.exists():
        raise InputError(
            f"{path} is not on this run's record (run.json). Move it away, and score it as "
            "predictions that exist."
        )
    folder.add({"generations": {system: entry}})


def claim_requests(
    folder: RunFolder, system: str, model: str, adapter: Adapter, requests: Sequence[Request]
) -> None:
    """Claim the answers to requests; what was not answered before a stop may have been mended.

    Raises
    ------
    InputError
        If the folder's predictions of this system were made with something else.
    """
    key = generation_key(adapter, requests)
    known = folder.record.get("generations", {}).get(system, {})
    stopped = known.get(_STOPPED)
    if stopped and stopped["requests"] == requests_print(adapter, requests[: stopped["done"]]):
        same = {**known["key"], "requests": key["requests"]}
        folder.add({"generations": {system: {"model": known["model"], "key": same}}})
    try:
        claim(folder, system, key, model=model)
    except InputError as error:
        lost = _first_unreadable(requests) if adapter.uses_images else None
        if lost is None:
            raise
        raise InputError(f"{error} An image cannot be read any more: {lost}.") from error


def record_stop(
    folder: RunFolder, system: str, adapter: Adapter, answered: Sequence[Request]
) -> None:
    """Put on record which requests were answered before a sample that cannot be read."""
    entry = folder.record["generations"][system]
    stopped = {"done": len(answered), "requests": requests_print(adapter, answered)}
    folder.add({"generations": {system: {**entry, _STOPPED: stopped}}})


def _first_unreadable(requests: Sequence[Request]) -> Path | None:
    for path in dict.fromkeys(path for request in requests for path in images_of(request)):
        try:
            file_hash(path)
        except OSError:
            return path
    return None
