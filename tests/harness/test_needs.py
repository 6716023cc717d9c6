"""What a benchmark needs: without it the status is 3, with the steps to get it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.benchmark_data import load_data
from harness.errors import InputError, MissingError
from harness.spec import bundled_benchmarks, load_spec

VARIABLES = ("CXR_TEST_STUDIES", "CXR_TEST_BANK", "CXR_TEST_IMAGES")
TEXT = """\
data: {path: "${CXR_TEST_STUDIES}", images: "${CXR_TEST_IMAGES:-}"}
models:
  - {id: copy, adapter: retrieval, bank: "${CXR_TEST_BANK}"}
needs:
  CXR_TEST_STUDIES: |
    The studies.
    1. Ask for them.
  CXR_TEST_BANK: More studies.
  CXR_TEST_IMAGES: Their images.
"""
STUDY = '{"study_id": "1", "findings": "Clear."}\n'


@pytest.fixture
def benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a benchmark file whose variables are not set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT)
    return path


def refused(path: Path, kind: type[Exception] = MissingError) -> str:
    with pytest.raises(kind) as caught:
        load_data(load_spec(path))
    return str(caught.value)


def test_the_steps_for_all_variables_that_are_not_set_come_at_once(benchmark: Path) -> None:
    expected = (
        f"{benchmark} needs data that are not there.\n\n"
        "Set CXR_TEST_STUDIES:\n  The studies.\n  1. Ask for them.\n\n"
        "Set CXR_TEST_BANK:\n  More studies.\n\n"
        "Set CXR_TEST_IMAGES:\n  Their images."
    )
    assert expected == refused(benchmark)
    assert 3 == MissingError.exit_status


def test_only_what_is_not_set_is_told(benchmark: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_TEST_STUDIES", "studies.jsonl")
    assert "CXR_TEST_STUDIES" not in refused(benchmark)


def test_what_is_wrong_with_the_file_comes_first(benchmark: Path) -> None:
    benchmark.write_text(TEXT.replace("retrieval", "retreival"))
    assert "unknown adapter 'retreival'" in refused(benchmark, InputError)


def test_a_variable_with_a_default_alone_stops_nothing(
    benchmark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (benchmark.parent / "studies.jsonl").write_text(STUDY)
    monkeypatch.setenv("CXR_TEST_STUDIES", "studies.jsonl")
    monkeypatch.setenv("CXR_TEST_BANK", "bank.jsonl")
    data = load_data(load_spec(benchmark))
    assert ["1"] == data.study_set.ids
    with pytest.raises(MissingError, match=r"(?s)'libra' looks at images.*Set CXR_TEST_IMAGES:"):
        data.require_images("libra")


@pytest.mark.parametrize(
    ("studies", "images", "absent"),
    [
        ("nowhere.jsonl", "", "nowhere.jsonl does not exist.\n\nSet CXR_TEST_STUDIES:"),
        ("studies.jsonl", "nowhere", "nowhere does not exist.\n\nSet CXR_TEST_IMAGES:"),
    ],
)
def test_a_path_where_nothing_is_needs_the_same_steps(
    benchmark: Path, monkeypatch: pytest.MonkeyPatch, studies: str, images: str, absent: str
) -> None:
    (benchmark.parent / "studies.jsonl").write_text(STUDY)
    monkeypatch.setenv("CXR_TEST_STUDIES", studies)
    monkeypatch.setenv("CXR_TEST_BANK", "bank.jsonl")
    monkeypatch.setenv("CXR_TEST_IMAGES", images)
    assert f"{benchmark.parent}/{absent}" in refused(benchmark)


def test_a_bank_that_is_not_there_needs_the_same_steps(
    benchmark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (benchmark.parent / "studies.jsonl").write_text(STUDY)
    monkeypatch.setenv("CXR_TEST_STUDIES", "studies.jsonl")
    monkeypatch.setenv("CXR_TEST_BANK", "bank.jsonl")
    data = load_data(load_spec(benchmark))
    with pytest.raises(MissingError, match=r"(?s)bank.jsonl does not exist.*Set CXR_TEST_BANK:"):
        data.read_bank(benchmark.parent / "bank.jsonl")


def test_without_needs_a_path_where_nothing_is_stays_an_input_error(
    benchmark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark.write_text(TEXT.partition("needs:")[0])
    monkeypatch.setenv("CXR_TEST_STUDIES", "nowhere.jsonl")
    monkeypatch.setenv("CXR_TEST_BANK", "bank.jsonl")
    with pytest.raises(ValueError, match=r"nowhere.jsonl does not exist. Check"):
        load_data(load_spec(benchmark))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            TEXT.replace("  CXR_TEST_BANK: More", "  CXR_TEST_BNAK: More"),
            "line 8, needs.CXR_TEST_BNAK: no path of the file reads the variable "
            "'CXR_TEST_BNAK'. Did you mean 'CXR_TEST_BANK'?",
        ),
        (TEXT.replace("Their images.", "3"), "line 9, needs.CXR_TEST_IMAGES: input should be a"),
        (TEXT.partition("needs:")[0] + "needs: money\n", "line 4, needs: input should be a valid"),
    ],
)
def test_needs_that_are_wrong_are_refused_by_line(
    benchmark: Path, monkeypatch: pytest.MonkeyPatch, text: str, what: str
) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "a.jsonl")
    benchmark.write_text(text)
    assert what in refused(benchmark, InputError)


def test_needs_are_no_part_of_what_identifies_a_run(
    benchmark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "a.jsonl")
    assert "needs" not in load_spec(benchmark).resolved()


PUBLISHED = [path for path in bundled_benchmarks() if path.stem != "demo"]


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_every_published_benchmark_tells_how_to_get_what_it_needs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        *("IU_XRAY", "IU_XRAY_IMAGES", "MIMIC_CXR_STUDIES", "MIMIC_CXR_TRAIN", "MIMIC_CXR_JPG"),
        *("MEDICAL_DIFF_VQA", "MIMIC_EXT_VQA", "REXRANK_TEST", "REXRANK_VALID"),
        *("REXRANK_PREDICTIONS", "REXRANK_IMAGES"),
    ):
        monkeypatch.delenv(name, raising=False)
    message = refused(path)
    assert "needs data that are not there." in message
    assert "https://" in message
    assert 2 <= message.count("export ")
