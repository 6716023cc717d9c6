"""A user without a home folder, as containers have them under a user id of their own."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.workplace import Workplace


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(user: object) -> None:
        raise KeyError(user)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr(pwd, "getpwnam", nobody)
    for name in ("HOME", "XDG_CACHE_HOME", "CXR_HARNESS_CACHE", "CXR_HARNESS_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "words", [("weights", "list"), ("cache", "info"), ("reference-env", "create"), ("doctor",)]
)
def test_what_needs_a_folder_there_says_how_to_name_one(
    words: tuple[str, ...], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run(*words)
    assert 2 == ended.status
    told = "There is no home folder for ~/.cache/cxr-harness. Name another one with the environment"
    assert told in ended.err.replace("\n", " ")
    assert [] == list(tmp_path.iterdir())


def test_with_a_cache_folder_named_all_is_as_ever(
    run: Run, place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path / "cache"))
    assert 0 == run("weights", "list").status
    assert 0 == run("cache", "info").status
    assert 3 == run(*place.score("--metrics", "semb_score")).status
    assert 0 == run(*place.score("--metrics", "bleu")).status


@pytest.mark.parametrize(
    "variable", ["CXR_HARNESS_CACHE", "CXR_HARNESS_WEIGHTS", "CXR_HARNESS_REFERENCE_ENV"]
)
def test_a_folder_in_the_home_of_nobody_names_its_variable(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path))
    monkeypatch.setenv(variable, "~nobody/folder")
    words = ("reference-env", "create") if variable.endswith("ENV") else ("weights", "list")
    ended = run(*words)
    assert 2 == ended.status
    told = ended.err.replace("\n", " ")
    assert "no home folder for ~nobody/folder." in told
    assert f"with the environment variable {variable}." in told
