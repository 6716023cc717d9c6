"""Make the environment in which the official clinical packages run."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from harness.errors import InputError, MissingError
from metrics.errors import MetricsError
from metrics.official.clinical import PACKAGES, ReferenceWorker, reference_folder, reference_python

TORCH = "torch==2.13.0"
"""Installed apart, as `locks/torch.txt` says: which build is right depends on the machine."""

_MARK = "made-by-cxr-harness"
"""Only a folder with this file in it is made anew."""


def create_reference_env(
    folder: Path | None = None, tell: Callable[[str], None] = lambda line: None
) -> tuple[Path, dict[str, str]]:
    """Make the environment and try it; one that works already is left as it is.

    Parameters
    ----------
    folder
        Where; None: ``CXR_HARNESS_REFERENCE_ENV``, or ``reference-env`` in the cache folder.
    tell
        Called before each step that takes long.

    Returns
    -------
    tuple
        The folder, and the versions of the official packages in it.

    Raises
    ------
    InputError
        If the folder holds something else.
    MissingError
        If it cannot be made: without network, for instance.
    """
    folder = (reference_folder() if folder is None else folder).absolute()
    found = _versions(folder)
    if found is not None:
        return folder, found
    mark = folder / _MARK
    if not mark.is_file() and folder.exists() and (folder.is_file() or any(folder.iterdir())):
        raise InputError(f"{folder} holds something else. Give another folder, or empty it.")
    tell(f"making {folder}")
    _run([sys.executable, "-m", "venv", "--clear", str(folder)], "Python's venv fails")
    mark.touch()
    pip = [str(reference_python(folder)), "-m", "pip", "install", "--disable-pip-version-check"]
    tell("installing the official packages")
    lock = str(_lock())
    _run(
        [*pip, "--no-deps", "--require-hashes", "-r", lock], "The official packages do not install"
    )
    tell(f"installing {TORCH}")
    _run([*pip, TORCH], "torch does not install")
    found = _versions(folder)
    if found is None:
        raise MissingError(
            f"The packages in {folder} are installed but do not work with this Python "
            f"({sys.version.split()[0]}). Run the command again with Python 3.11."
        )
    return folder, found


def _lock() -> Path:
    return Path(str(files("metrics") / "official" / "clinical-reference.txt"))


def pinned_versions() -> dict[str, str]:
    """Return the versions that the environment must have, by package."""
    text = _lock().read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s\\]+)", text, flags=re.MULTILINE))


def _versions(folder: Path) -> dict[str, str] | None:
    """Return the packages' versions, or None if they are others or cannot be imported."""
    try:
        with ReferenceWorker(folder) as worker:
            found: dict[str, str] = worker.ask("versions", packages=PACKAGES).result
    except MetricsError:
        return None
    pinned = pinned_versions()
    return found if all(pinned.get(name, found[name]) == found[name] for name in found) else None


def _run(command: list[str], failure: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        # the first error says what happened, later ones what followed
        line = next((line for line in lines if line.startswith("ERROR")), lines[-1])
        raise MissingError(
            f"{failure}: {line.removeprefix('ERROR: ')} A network, or a mirror in pip's settings, "
            "is needed; the same command tries again."
        )
