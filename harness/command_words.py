"""The command that made a run: as it was typed, and as the report shows it."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import join, split

from reports.text_safety import encodable

_PROGRAM = "cxr-harness"
_SILENT = ("--json", "--fresh", "--debug")
_SILENT_WITH_VALUE = ("--output", "--processes")
"""Options that say where a run goes, how it is shown or how fast it is; they change no result."""


def typed(arguments: Sequence[str]) -> str:
    """Return the command of these arguments, quoted for a shell.

    >>> typed(["run", "my file.yaml", "--json"])
    "cxr-harness run 'my file.yaml' --json"
    """
    return encodable(join([_PROGRAM, *arguments]))


def without_place(command: str) -> str:
    """Return a command without what changes no result: equal runs have equal reports.

    >>> without_place("cxr-harness run demo --output x --limit 3 --json")
    'cxr-harness run demo --limit 3'
    >>> without_place("cxr-harness score --output=x --references r.jsonl")
    'cxr-harness score --references r.jsonl --output DIR'
    """
    try:
        words = split(command)
    except ValueError:
        return command  # a run.json that was changed by hand
    kept = []
    given = iter(words)
    for word in given:
        if word in _SILENT_WITH_VALUE:
            next(given, None)
        elif word not in _SILENT and word.partition("=")[0] not in _SILENT_WITH_VALUE:
            kept.append(word)
    needs_place = kept[1:2] == ["score"]
    return join([*kept, *(["--output", "DIR"] if needs_place else [])])
