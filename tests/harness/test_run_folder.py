import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.run_folder import RunFolder, partial_folder
from harness.spec_changes import changes
from harness.system_names import file_stem, priors_that_matter, system_name

SPEC = {"name": "test", "models": [{"id": "m", "generation": {"num_beams": 10}}]}
OTHER = {"name": "test", "models": [{"id": "m", "generation": {"num_beams": 1}}]}


def _create(path: Path, spec: object = SPEC, **options: object) -> RunFolder:
    settings = {"test_set": "a1", **options}
    return RunFolder.create(path, spec, **settings)  # type: ignore[arg-type]


def _run(path: Path, spec: object = SPEC, text: str = "first", **options: object) -> None:
    with _create(path, spec, **options) as folder:
        folder.add({"generations": {"m": {"model": "m"}}})
        file = folder.predictions_path("m")
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        folder.write_text("scores.json", text)
        folder.finish()


def _texts(path: Path) -> list[str]:
    return [p.read_text() for p in (path / "predictions/m.jsonl", path / "scores.json")]


def test_a_new_folder_is_ignored_by_git_and_says_what_it_is(tmp_path: Path) -> None:
    with _create(tmp_path / "a" / "run") as folder:
        assert (folder.path / ".gitignore").read_text() == "*\n"
        record = json.loads((folder.path / "run.json").read_text())
    assert (SPEC, "a1", False, False) == tuple(
        record[key] for key in ("spec", "test_set", "partial", "complete")
    )


def test_the_same_spec_goes_on_and_other_writers_wait(tmp_path: Path) -> None:
    with _create(tmp_path) as folder:
        folder.add({"soundness": {"m": {"n": 1}}})
        with pytest.raises(InputError, match="Another process is writing to"):
            _create(tmp_path)
        with pytest.raises(InputError, match="Another process is writing to"):
            RunFolder.reopen(tmp_path)
    with _create(tmp_path, {**SPEC, "output": "elsewhere"}) as folder:
        folder.add({"soundness": {"n": {"n": 2}}})
    assert {"m": {"n": 1}, "n": {"n": 2}} == RunFolder.read(tmp_path).record["soundness"]


def test_a_changed_spec_says_what_changed_and_touches_nothing(tmp_path: Path) -> None:
    _run(tmp_path)
    with pytest.raises(
        InputError, match=r"(?s)models\[0\]\.generation\.num_beams: 10 → 1.*--fresh.*--output"
    ):
        _create(tmp_path, OTHER)
    with pytest.raises(InputError, match='hash of the studies\' ids and references: "a1" → "b2"'):
        _create(tmp_path, test_set="b2")
    with pytest.raises(InputError, match="partial: false → true"):
        _create(tmp_path, partial=True)
    assert ["first", "first"] == _texts(tmp_path)


def test_fresh_keeps_the_old_run_until_the_new_one_is_complete(tmp_path: Path) -> None:
    _run(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with _create(tmp_path, OTHER, fresh=True):
        assert ["first", "first"] == _texts(tmp_path / ".replaced-1")
    _run(tmp_path, OTHER, "second")
    assert ["second", "second"] == _texts(tmp_path)
    assert OTHER == RunFolder.read(tmp_path).record["spec"]
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not list(tmp_path.glob(".replaced*"))


def test_fresh_leaves_strangers_beside_the_predictions_alone(tmp_path: Path) -> None:
    _run(tmp_path)
    (tmp_path / "predictions" / "theirs.jsonl").write_text("theirs")
    _run(tmp_path, OTHER, "second", fresh=True)
    assert (tmp_path / "predictions" / "theirs.jsonl").read_text() == "theirs"


class _Killed(BaseException):
    pass


def _dies_after(calls: int, method: Callable[..., object]) -> Callable[..., object]:
    left = calls

    def dying(*arguments: object, **options: object) -> object:
        nonlocal left
        if left == 0:
            raise _Killed
        left -= 1
        return method(*arguments, **options)

    return dying


@pytest.mark.parametrize("calls", range(3))
@pytest.mark.parametrize("fresh_again", [True, False])
def test_a_crash_while_setting_aside_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int, fresh_again: bool
) -> None:
    _run(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _dies_after(calls, Path.rename))
        with pytest.raises(_Killed):
            _run(tmp_path, OTHER, "second", fresh=True)
    kept = sorted(
        p.read_text() for p in tmp_path.rglob("*") if p.name in ("m.jsonl", "scores.json")
    )
    assert kept == ["first", "first"]
    if calls == 0 and not fresh_again:
        with pytest.raises(InputError, match="holds another run"):
            _create(tmp_path, OTHER)
        return
    _run(tmp_path, OTHER, "second", fresh=fresh_again)
    assert ["second", "second"] == _texts(tmp_path)
    assert not list(tmp_path.glob(".replaced*"))


@pytest.mark.parametrize("calls", range(3))
def test_a_crash_while_deleting_the_old_run_is_mended_by_running_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    _run(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", _dies_after(calls, Path.unlink))
        with pytest.raises(_Killed):
            _run(tmp_path, OTHER, "second", fresh=True)
    _run(tmp_path, OTHER, "second")
    assert ["second", "second"] == _texts(tmp_path)
    assert not list(tmp_path.glob(".replaced*"))


@pytest.mark.parametrize("fresh", [True, False])
def test_a_folder_of_other_files_is_refused_untouched(tmp_path: Path, fresh: bool) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"no run's \('thesis.tex'"):
        _create(tmp_path, fresh=fresh)
    assert [tmp_path / "thesis.tex"] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is not JSON"), ("[]", "not written by"), ('{"format": "x"}', "not written by")],
)
def test_a_foreign_run_json_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "run.json").write_text(content)
    for fresh in (False, True):
        with pytest.raises(InputError, match=message):
            _create(tmp_path, fresh=fresh)
    assert content == (tmp_path / "run.json").read_text()


def test_a_file_or_a_missing_folder_is_no_run_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is no folder"):
        _create(tmp_path / "file")
    with pytest.raises(InputError, match=r"holds no run\.json"):
        RunFolder.read(tmp_path)


def test_a_folder_that_may_not_be_written_is_an_input_error() -> None:
    with pytest.raises(InputError, match=r"Cannot write /proc/run: .*choose another --output"):
        _create(Path("/proc/run"))


def test_a_partial_run_lives_beside_the_full_one(tmp_path: Path) -> None:
    with _create(partial_folder(tmp_path, 20), partial=True) as folder:
        assert folder.record["partial"]
    _run(tmp_path)
    _run(tmp_path, OTHER, "second", fresh=True)
    assert RunFolder.read(tmp_path / "partial-20").record["partial"]


def test_statistics_come_back_as_they_were_kept(tmp_path: Path) -> None:
    arrays: dict[str, dict[str, Any]] = {
        "a/b": {"bleu|x:1": np.eye(2)},
        "c": {"bleu|x:1": np.ones((2, 3)), "z": np.zeros(2)},
    }
    with _create(tmp_path) as folder:
        with pytest.raises(InputError, match="holds no scored run"):
            folder.read_statistics()
        first = folder.write_statistics(arrays).read_bytes()
        assert first == folder.write_statistics(arrays).read_bytes()
    found = RunFolder.read(tmp_path).read_statistics()
    assert {s: list(m) for s, m in arrays.items()} == {s: list(m) for s, m in found.items()}
    np.testing.assert_array_equal(arrays["a/b"]["bleu|x:1"], found["a/b"]["bleu|x:1"])


def test_a_killed_write_leaves_nothing_behind_for_long(tmp_path: Path) -> None:
    with _create(tmp_path):
        pass
    (tmp_path / ".scores.json.123.tmp").write_text("half")
    with _create(tmp_path):
        assert not list(tmp_path.glob(".*.tmp"))


def test_changes_name_the_path_and_both_values() -> None:
    assert changes({"a": 1}, {"a": 1}) == []
    assert changes({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "y"}]}) == ['a[1].b: "x" → "y"']
    assert changes({"a": 1}, {"b": 2}) == ["a: 1 → not set", "b: not set → 2"]
    assert changes({"a": None}, {"a": ["bleu"]}) == ['a: not set → ["bleu"]']
    assert changes({"a": "b"}, {"a": None}) == ['a: "b" → not set']
    assert changes({"a": [1]}, {"a": [1, 2]}) == ["a: [1] → [1, 2]"]
    assert changes({"a": 1}, {"a": True}) == ["a: 1 → true"]


@pytest.mark.parametrize(
    ("system", "stem"),
    [
        ("libra-v1.0-7b@dummy", "libra-v1.0-7b@dummy"),
        ("a/b c", "a%2Fb%20c"),
        ("..", "%2E."),
        ("é%", "%C3%A9%25"),
    ],
)
def test_file_names_are_percent_encoded(system: str, stem: str) -> None:
    assert stem == file_stem(system)


@given(st.lists(st.text(min_size=1, max_size=300), unique=True, min_size=2))
def test_file_names_are_short_safe_and_one_per_system(systems: list[str]) -> None:
    stems = [file_stem(system) for system in systems]
    assert len(stems) == len(set(stems))
    assert all(len(s) <= 200 and "/" not in s and not s.startswith(".") for s in stems)
    with pytest.raises(InputError, match="empty name"):
        file_stem("")


def test_the_real_prior_has_no_suffix() -> None:
    assert ["m", "m@none"] == [system_name("m", "real"), system_name("m", "none")]
    assert priors_that_matter(["dummy", "real", "dummy"], uses_prior=True) == ["dummy", "real"]
    assert priors_that_matter(["dummy"], uses_prior=False) == ["real"]
