"""The folder of a run: its files, who may write them, and which run they belong to."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from harness.atomic import write_bytes
from harness.disk_errors import explained
from harness.errors import InputError
from harness.replaced import (
    asides,
    delete_asides,
    finish_setting_aside,
    set_aside,
)
from harness.run_lock import LOCK_NAME, RunLock
from harness.run_record import FORMAT, RUN_FILE, SCHEMA_VERSION, plain, read_record, refuse_changes
from harness.system_names import file_stem

if TYPE_CHECKING:
    import numpy as np

FILES = (
    "studies.jsonl",
    "scores.json",
    "per_sample.csv",
    "leaderboard.csv",
    "conditions.csv",
    "report.html",
    "report.shareable.html",
    "statistics.npz",
)
"""Files of a run beside run.json, .gitignore and the predictions."""
_PARTIAL = "partial-"
_TORN_WRITES = ".*.tmp"


def partial_folder(output: Path, limit: int) -> Path:
    """Return where a run of the first ``limit`` studies goes: a run folder inside the full one's.

    So a trial never touches the files of the full run, and both may use the same ``--output``.
    """
    return output / f"{_PARTIAL}{limit}"


class RunFolder:
    """A run folder; ``record`` is the content of its run.json.

    ``create`` and ``reopen`` take the folder's lock: use them in a ``with`` statement. ``read``
    takes none and must not write.
    """

    def __init__(self, path: Path, record: dict[str, Any], lock: RunLock | None = None) -> None:
        self.path = path
        self.record = record
        self._lock = lock

    @classmethod
    def create(
        cls,
        path: Path,
        spec: Mapping[str, Any],
        *,
        test_set: str,
        partial: bool = False,
        fresh: bool = False,
    ) -> Self:
        """Begin a run in ``path``, or go on with the same run that was begun there.

        Parameters
        ----------
        path
            The folder; made if it is not there.
        spec
            The resolved specification as plain values. Its ``output`` is not compared.
        test_set
            The test set's hash.
        partial
            Whether the run is over a part of the test set only.
        fresh
            Set the run that is there aside, and delete it once the new one is finished.

        Raises
        ------
        InputError
            If the folder holds another run (the message tells what changed) or foreign files, if
            another process is writing to it, or if the system refuses to write.
        """
        wanted = {"spec": plain(spec), "test_set": test_set, "partial": partial}
        with explained(path):
            _refuse_foreign(path)
            path.mkdir(parents=True, exist_ok=True)
        lock = RunLock(path)
        try:
            _delete_torn_writes(path)
            record = cls._begin(path, wanted, fresh)
            folder = cls(path, record, lock)
            if not (path / RUN_FILE).exists():
                folder.write_text(".gitignore", "*\n")
                folder.add({})
        except BaseException:
            lock.release()
            raise
        return folder

    @classmethod
    def _begin(cls, path: Path, wanted: dict[str, Any], fresh: bool) -> dict[str, Any]:
        finish_setting_aside(path, _own_files)
        if (path / RUN_FILE).exists():
            found = read_record(path)
            if not fresh:
                refuse_changes(path, found, wanted)
                return found
            set_aside(path, _own_files)
        return {"format": FORMAT, "schema_version": SCHEMA_VERSION, "complete": False, **wanted}

    @classmethod
    def read(cls, path: Path) -> Self:
        """Open a run folder to look at it.

        Raises
        ------
        InputError
            If ``path`` is no run folder.
        """
        return cls(path, read_record(path))

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """Open an existing run folder to write to it, whatever its specification."""
        read_record(path)
        lock = RunLock(path)
        try:
            return cls(path, read_record(path), lock)
        except BaseException:
            lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def predictions_path(self, system: str) -> Path:
        """Return where the predictions of a system are."""
        return self.path / _predictions_name(system)

    def add(self, sections: Mapping[str, Any]) -> None:
        """Merge sections into run.json: dictionaries key by key, other values as they are.

        What differs between equal runs belongs in ``timing``, ``machine`` and ``performance``.
        """
        for name, value in sections.items():
            old = self.record.get(name)
            both = isinstance(old, dict) and isinstance(value, Mapping)
            self.record[name] = plain({**old, **value} if both else value)  # type: ignore[dict-item]
        text = json.dumps(self.record, indent=2, sort_keys=True, allow_nan=False)
        self._write(RUN_FILE, f"{text}\n".encode())

    def write_text(self, name: str, text: str) -> Path:
        """Replace one of the run's files in one step."""
        return self._write(name, text.encode())

    def write_statistics(self, statistics: Mapping[str, Mapping[str, np.ndarray]]) -> Path:
        """Keep each system's additive statistics per metric, as arrays of shape (n, k)."""
        import numpy as np

        names = {system: list(metrics) for system, metrics in statistics.items()}
        arrays = {
            f"{i}.{j}": array
            for i, metrics in enumerate(statistics.values())
            for j, array in enumerate(metrics.values())
        }
        buffer = io.BytesIO()
        np.savez(buffer, names=np.array(json.dumps(names)), **arrays)  # type: ignore[arg-type]
        return self._write("statistics.npz", buffer.getvalue())

    def read_statistics(self) -> dict[str, dict[str, np.ndarray]]:
        """Return what ``write_statistics`` kept.

        Raises
        ------
        InputError
            If the run has no statistics.
        """
        import numpy as np

        path = self.path / "statistics.npz"
        if not path.exists():
            raise InputError(f"{self.path} holds no scored run. Run or score it first.")
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            names: dict[str, list[str]] = json.loads(str(stored["names"]))
            return {
                system: {metric: stored[f"{i}.{j}"] for j, metric in enumerate(metrics)}
                for i, (system, metrics) in enumerate(names.items())
            }

    def finish(self) -> None:
        """Mark the run as complete, and delete the run that it replaces."""
        self.add({"complete": True})
        delete_asides(self.path, _own_files)

    def _write(self, name: str, content: bytes) -> Path:
        if self._lock is None:
            raise RuntimeError("This run folder was opened for reading.")
        path = self.path / name
        with explained(path):
            write_bytes(path, content)
        return path


def _predictions_name(system: str) -> str:
    return f"predictions/{file_stem(system)}.jsonl"


def _own_files(folder: Path) -> list[str]:
    generated = read_record(folder).get("generations", {})
    return [*FILES, *(_predictions_name(system) for system in generated)]


def _refuse_foreign(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is no folder. Choose another --output.")
    if not path.exists() or (path / RUN_FILE).exists() or asides(path):
        return
    foreign = sorted(p.name for p in path.iterdir() if not _left_behind(p))
    if foreign:
        raise InputError(
            f"{path} holds files that are no run's ({foreign[0]!r} and so on, "
            f"{len(foreign)} in all). Choose another --output."
        )


def _left_behind(path: Path) -> bool:
    """Whether a run that was killed before its first run.json may have left this."""
    known = path.name in (LOCK_NAME, ".gitignore") or path.name.startswith(_PARTIAL)
    return known or path.match(_TORN_WRITES)


def _delete_torn_writes(path: Path) -> None:
    """Delete what writes that were killed left behind; nobody else writes under the lock."""
    with explained(path):
        for left in path.glob(_TORN_WRITES):
            left.unlink()
