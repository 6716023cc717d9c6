"""Several answers to a sample: all are kept, the first is scored, and resuming needs them all."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.datasets import read_predictions
from harness.errors import InputError
from harness.generation import Job, generate
from harness.model_requests import build_requests
from harness.run_folder import RunFolder
from harness.study import Study
from harness.system_texts import load_texts
from models.adapter import Adapter, Generation, NoOptions, Request
from models.errors import ModelsError
from models.libra.settings import GenerationOptions

N, K = 7, 3
STUDIES = [Study(f"s{i}", f"s{i}") for i in range(N)]


class Sampler(Adapter):
    """Gives three answers to each sample, but for those that it is told to fail."""

    batch_size = 2
    gives = K

    def __init__(self, options: NoOptions) -> None:
        super().__init__(options)
        self.asked: list[str] = []
        self.failing: tuple[str, ...] = ()

    @property
    def n_sequences(self) -> int:
        return K

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        self.asked += [request.sample_id for request in requests]
        return [self._one(request.sample_id) for request in requests]

    def _one(self, name: str) -> Generation:
        if name in self.failing:
            return Generation("", "error", error="Cannot be read.")
        others = tuple(Generation(f"{name} answer {i}") for i in range(1, self.gives))
        return Generation(f"{name} answer 0", others=others)


def _run(folder: Path, *failing: str, sampler: Sampler | None = None) -> list[str]:
    """Generate, and return which samples were asked about."""
    adapter = sampler or Sampler.from_settings({})
    adapter.failing = failing
    job = Job("m", "real", adapter, STUDIES, build_requests(STUDIES, "real", 0), True)
    with RunFolder.create(folder, {"name": "test"}, test_set="hash") as run:
        generate(run, job)
    return adapter.asked


def _path(folder: Path) -> Path:
    return folder / "predictions" / "m.jsonl"


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    _run(tmp_path / "whole")
    return _path(tmp_path / "whole").read_bytes()


def test_all_answers_are_kept_in_study_order_with_their_numbers(whole: bytes) -> None:
    lines = [json.loads(line) for line in whole.splitlines()]
    expected = [(f"s{i}", k, f"s{i} answer {k}") for i in range(N) for k in range(K)]
    assert expected == [(one["study_id"], one["sequence"], one["prediction"]) for one in lines]


def test_a_study_is_done_only_when_all_its_answers_are_there(tmp_path: Path, whole: bytes) -> None:
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for position in (0, 1, 2, 7, 8, 19):
        for cut in (ends[position], ends[position] - 5):
            folder = tmp_path / f"{position}-{cut}"
            _run(folder)
            _path(folder).write_bytes(whole[:cut])
            done = (position + (cut == ends[position])) // K
            assert [f"s{i}" for i in range(done, N)] == _run(folder)
            assert whole == _path(folder).read_bytes()


def test_a_sample_that_failed_has_one_line_until_it_is_answered(
    tmp_path: Path, whole: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    _run(folder, "s2", "s6")
    lines = [json.loads(line) for line in _path(folder).read_bytes().splitlines()]
    assert (N - 2) * K + 2 == len(lines)
    failed = [one for one in lines if one["finish_reason"] == "error"]
    assert [("s2", 0), ("s6", 0)] == [(one["study_id"], one["sequence"]) for one in failed]
    assert ["s2", "s6"] == _run(folder)
    assert whole == _path(folder).read_bytes()
    assert 2 == capsys.readouterr().err.count("counts as failed")


def test_the_first_answer_is_the_one_that_counts(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    _run(folder)
    first = [f"s{i} answer 0" for i in range(N)]
    assert first == list(load_texts(RunFolder.read(folder), "m", STUDIES).predictions)
    ids = [study.sample_id for study in STUDIES]
    assert first == list(read_predictions(_path(folder), ids).texts)


def test_answers_out_of_order_are_refused(tmp_path: Path, whole: bytes) -> None:
    folder = tmp_path / "run"
    _run(folder)
    lines = whole.splitlines(keepends=True)
    for changed, message in (
        ([lines[0], lines[2]], "line 2 is answer 2 to sample 's0'; expected answer 1"),
        ([lines[0], lines[3]], "line 2 is of sample 's1'; expected answer 1 to sample 's0'"),
        ([lines[1]], "line 1 is answer 1 to sample 's0'; expected answer 0"),
    ):
        _path(folder).write_bytes(b"".join(changed))
        with pytest.raises(InputError, match=message):
            _run(folder)


def test_an_adapter_that_gives_too_few_answers_is_named(tmp_path: Path) -> None:
    sampler = Sampler.from_settings({})
    sampler.gives = 2
    with pytest.raises(ModelsError, match="'m' gave 2 sequences to sample 's0'; 3 were asked"):
        _run(tmp_path / "run", sampler=sampler)


def test_the_options_of_libra_ask_the_engine_for_several() -> None:
    assert 1 == GenerationOptions().decoding().num_return_sequences
    asked = GenerationOptions(num_return_sequences=4, temperature=0.7)
    assert 4 == asked.decoding().num_return_sequences
