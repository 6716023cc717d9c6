"""Which predictions a run folder holds: what identifies each system's, and whether it changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.fingerprint import inputs_of
from harness.prediction_log import Line, is_answered
from harness.run_folder import RunFolder
from harness.spec_changes import changes
from models.adapter import Adapter, Request


def claim(folder: RunFolder, system: str, key: Mapping[str, Any], *, model: str) -> None:
    """Put on record what identifies a system's predictions, or check that nothing changed.

    Raises
    ------
    InputError
        If the folder's predictions of this system were made with something else, or by none of
        this run's doing.
    """
    generations = folder.record.get("generations", {})
    path = folder.predictions_path(system)
    entry = {"model": model, "key": json.loads(json.dumps(key))}
    if system in generations:
        lines = changes(generations[system], entry)
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


def refuse_changed_inputs(
    path: Path, lines: Sequence[Line], adapter: Adapter, requests: Sequence[Request]
) -> None:
    """Refuse answers in ``path`` to anything but these requests; the images count by content.

    What is not answered yet, or failed, may change: it is asked about as it is now.

    Raises
    ------
    InputError
        If an answered sample holds something else now; the message names it and its image.
    """
    found = [
        (request, what)
        for line, request in zip(lines, requests, strict=False)
        if is_answered(line) and (what := _changed(line, adapter, request))
    ]
    if not found:
        return
    request, what = found[0]
    more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
    raise InputError(
        f"{path}: what the answer to sample {request.sample_id!r}{more} was made from has changed "
        f"since: {what}. Put it back as it was, give --fresh to generate again, or another "
        "--output to keep both."
    )


def _changed(line: Line, adapter: Adapter, request: Request) -> str:
    """Return what an answer was not made from; nothing if all is as it was."""
    then, now = line.get("inputs"), inputs_of(adapter, request)
    if then == now:
        return ""
    old = then.get("images", []) if isinstance(then, dict) else []
    paths = adapter.looks_at(request)
    if len(old) == len(paths):
        for image, was, became in zip(paths, old, now["images"], strict=True):
            if was != became:
                gone = "" if image.is_file() else ", which is not there any more"
                return f"the image {image}{gone}"
    return "which images it has, or what the model is told about them"
