"""Folders with small invented studies and systems, and a scored run of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.cli import run_command
from tests.cli.workplace import Workplace, make_workplace


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line in this process."""

    def call(*words: object) -> Ended:
        capfd.readouterr()
        status = run_command([str(word) for word in words])
        return Ended(status, *capfd.readouterr())

    return call


@pytest.fixture(scope="session")
def given(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Return a workplace that no test may change, with the scored run ``scored``."""
    place = make_workplace(tmp_path_factory.mktemp("given"))
    words = place.score("--output", place.folder / "scored", systems=("a", "b", "c"))
    assert 0 == run_command(words)
    return place


@pytest.fixture
def place(given: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """Return a workplace of the test's own, which is the working directory."""
    copy = shutil.copytree(given.folder, tmp_path / "place")
    monkeypatch.chdir(copy)
    return Workplace(Path())
