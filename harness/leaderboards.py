"""One leaderboard over many run folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.atomic import write_text
from harness.disk_errors import explained
from harness.errors import InputError
from harness.reopened import run_name
from harness.run_folder import RunFolder
from metrics.errors import InputError as TableError
from metrics.results import ScoreTable
from reports.leaderboard import leaderboard_csv, libra_csv

_FORMS = {"ours": leaderboard_csv, "libra": libra_csv}
_HEADERS = (b"Model,n,partial", b"Model Name,")
_LONGEST_HEADER = 100


def leaderboard_text(folders: Sequence[Path], form: str) -> str:
    """Return the CSV of all runs in the named form.

    Raises
    ------
    InputError
        If a folder holds no scored run, or the runs cannot stand in one table.
    """
    tables = [read_table(folder) for folder in folders]
    return _FORMS[form](tables, [run_name(folder) for folder in folders])


def read_table(folder: Path) -> ScoreTable:
    """Return the score table of a run folder."""
    RunFolder.read(folder)
    path = folder / "scores.json"
    try:
        return ScoreTable.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder} is not scored yet. Give its command again to finish.") from None
    except TableError as error:
        raise InputError(f"{path}: {error} Score the run again.") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}). Score the run again.") from error


def write_leaderboard(path: Path, text: str) -> None:
    """Write the CSV in one step.

    Raises
    ------
    InputError
        If the file is there and is no leaderboard, or the system refuses to write.
    """
    with explained(path):
        if path.exists() and not _is_leaderboard(path):
            raise InputError(f"{path} is there and is no leaderboard. Choose another --output.")
        write_text(path, text)


def _is_leaderboard(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline(_LONGEST_HEADER).startswith(_HEADERS)
