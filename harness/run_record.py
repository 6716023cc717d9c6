"""What a run folder's run.json says, and whether it is about the run that is wanted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.errors import InputError
from harness.spec_changes import changes
from metrics.judges.settings import SILENT
from models.registry import adapter_class, names

RUN_FILE = "run.json"
FORMAT = "cxr-harness run"
SCHEMA_VERSION = 1


def plain(value: Any) -> Any:
    """Return the value as JSON keeps it."""
    return json.loads(json.dumps(value, allow_nan=False))


def read_record(path: Path) -> dict[str, Any]:
    """Return the content of the run.json in a folder.

    Raises
    ------
    InputError
        If there is none, or it is not one of ours.
    """
    file = path / RUN_FILE
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is no run folder: it holds no run.json.") from None
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"{file} is not JSON. Restore it or choose another --output.") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(f"{file} was not written by cxr-harness. Choose another folder.")
    if record.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"{file} has schema version {record.get('schema_version')}; this cxr-harness reads "
            f"{SCHEMA_VERSION}. Use the version that wrote it."
        )
    return record


def refuse_changes(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse to go on with a run of another specification or test set; say what changed."""
    old, new = (_compared(record) for record in (found, wanted))
    lines = changes(old, new)
    if lines:
        listed = "\n".join(f"  {line}" for line in lines)
        raise InputError(
            f"{path} holds another run. What changed:\n{listed}\n"
            "Give --fresh to replace that run, or another --output to keep both."
        )


def _compared(record: dict[str, Any]) -> dict[str, Any]:
    spec = {key: value for key, value in record.get("spec", {}).items() if key != "output"}
    spec["models"] = [_without_silent_options(model) for model in spec.get("models", ())]
    if spec.get("judge"):
        spec["judge"] = {k: v for k, v in spec["judge"].items() if k not in SILENT}
    hashed = "hash of the studies' ids and references"
    return {**spec, hashed: record.get("test_set"), "partial": record.get("partial")}


def _without_silent_options(model: dict[str, Any]) -> dict[str, Any]:
    """Return a model's entry without what cannot change a text; weights are told by their hash."""
    name = model.get("adapter")
    silent = adapter_class(name).silent_options if name in names() else ()
    return {key: value for key, value in model.items() if key not in silent}
