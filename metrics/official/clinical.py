"""The official clinical packages, in an environment of their own, as a worker process.

radgraph, f1chexbert and bert-score need an old transformers. ``cxr-harness reference-env create``
makes the environment; `ReferenceWorker` asks `clinical_worker.py` in it.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self

from metrics.cache import default_path, expanded
from metrics.errors import InputError, MissingError

PACKAGES = ("radgraph", "f1chexbert", "bert-score", "transformers", "torch")
_WORKER = Path(__file__).with_name("clinical_worker.py")
_MEND = "`cxr-harness reference-env create` mends it."
_PATIENCE_S = 2.0
_SETTINGS = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}


class Answer(NamedTuple):
    """What a task gave, its CPU seconds without loading, and the worker's peak memory so far."""

    result: Any
    cpu_s: float
    peak_bytes: int


def reference_folder() -> Path:
    """Return ``CXR_HARNESS_REFERENCE_ENV``, or ``reference-env`` in the cache folder."""
    named = os.environ.get("CXR_HARNESS_REFERENCE_ENV")
    if named:
        return expanded(Path(named), "CXR_HARNESS_REFERENCE_ENV")
    return default_path().parent / "reference-env"


def reference_python(folder: Path) -> Path:
    """Return the environment's Python."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


class ReferenceWorker:
    """A process in the reference environment that answers one task at a time.

    Models stay loaded, so that only the first task with a model pays for loading it.

    Parameters
    ----------
    folder
        The reference environment; None: `reference_folder`.
    environment
        Environment variables for the process, beside this one's.

    Raises
    ------
    MissingError
        If there is no such environment.
    """

    def __init__(
        self, folder: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self._folder = reference_folder() if folder is None else folder
        python = reference_python(self._folder)
        if not python.is_file():
            raise MissingError(
                "The official clinical packages need an environment of their own, and "
                f"{self._folder} is none. Make it with `cxr-harness reference-env create`."
            )
        try:
            # isolated: neither this file's folder nor the user's packages may shadow its own
            self._process = subprocess.Popen(  # noqa: S603
                [str(python), "-I", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **_SETTINGS, **(environment or {})},
                text=True,
                encoding="ascii",
                errors="replace",
            )
        except OSError as error:
            raise MissingError(
                f"The environment {self._folder} does not start: {error.strerror}. {_MEND}"
            ) from error

    def ask(self, task: str, **settings: Any) -> Answer:
        """Return the answer to a task of ``clinical_worker.TASKS``.

        Raises
        ------
        InputError
            If the official package fails.
        MissingError
            If the environment does not work.
        """
        answer = self._answer(json.dumps({"task": task, **settings}))
        if answer is None:
            raise MissingError(
                f"The environment {self._folder} stopped working on {task} (status "
                f"{self._status()}). {_MEND}"
            )
        if "error" in answer:
            raise InputError(f"The official package fails on {task}: {answer['error']}.")
        return Answer(**answer)

    def _answer(self, question: str) -> dict[str, Any] | None:
        """Return what the process says, or None if it is gone or says something else."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            return None
        try:
            stdin.write(question + "\n")
            stdin.flush()
            found = json.loads(stdout.readline())
        except (BrokenPipeError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _status(self) -> int:
        """End the process, unless it ends by itself, and return its status."""
        try:
            return self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@cache
def worker() -> ReferenceWorker:
    """Return the worker that this process shares; it ends with it.

    Raises
    ------
    MissingError
        If there is no reference environment.
    """
    shared = ReferenceWorker()
    atexit.register(shared.close)
    return shared
