import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.bank import bank_reports, refuse_leaks
from harness.errors import InputError
from harness.generation import Job, generate
from harness.model_requests import build_requests
from harness.prediction_log import PredictionLog, read_lines
from harness.run_folder import RunFolder
from harness.study import Study
from models.adapter import Adapter, BankReport, Generation, Request
from models.constant import Constant
from models.errors import ModelsError
from models.prior_report import PriorReport
from models.retrieval import Retrieval


class Echo(Adapter):
    """An answer made of the request; counts its calls."""

    uses_images = True
    batch_size = 4
    calls = 0

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        self.calls += 1
        return [Generation(f"é {r.sample_id}", tokens=3, prompt="Describe.") for r in requests]


def _studies(n: int) -> list[Study]:
    return [Study(sample_id=f"s{i}", study_id=f"s{i}") for i in range(n)]


def _job(
    studies: Sequence[Study], adapter: Adapter | None = None, images: Path | None = None
) -> Job:
    requests = build_requests(studies, "real", 0, images)
    return Job("m", "real", adapter or Echo.from_settings({}), studies, requests)


def _folder(path: Path) -> RunFolder:
    return RunFolder.create(path / "run", {"name": "test"}, test_set="hash")


def test_a_prediction_is_a_line_in_study_order(tmp_path: Path) -> None:
    studies = [Study(sample_id="s1", study_id="s1"), Study(sample_id="s1.q2", study_id="s1")]
    with _folder(tmp_path) as folder:
        generate(folder, _job(studies))
        lines = folder.predictions_path("m").read_text().splitlines()
    common = {"study_id": "s1", "model": "m", "prompt": "Describe."}
    common |= {"finish_reason": "stop", "tokens": 3, "prior": "real"}  # type: ignore[dict-item]
    found = [json.loads(line) for line in lines]
    inputs = [line.pop("inputs") for line in found]
    assert [
        common | {"prediction": "é s1"},
        common | {"sample_id": "s1.q2", "prediction": "é s1.q2"},
    ] == found
    assert [["words", "images"]] * 2 == [list(one) for one in inputs]
    assert inputs[0]["words"] != inputs[1]["words"]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_batch_size_changes_no_byte(tmp_path: Path, size: int) -> None:
    files = []
    for name, batch_size in (("a", 4), ("b", size)):
        adapter = Echo.from_settings({})
        adapter.batch_size = batch_size
        with _folder(tmp_path / name) as folder:
            generate(folder, _job(_studies(10), adapter))
            files.append(folder.predictions_path("m").read_bytes())
    assert files[0] == files[1]


def test_a_finished_system_is_not_generated_again(tmp_path: Path) -> None:
    done: list[int] = []
    adapter = Echo.from_settings({})
    for _ in range(2):
        with _folder(tmp_path) as folder:
            generate(folder, _job(_studies(10), adapter), done.append)
    assert adapter.calls == 3
    assert done == [0, 4, 4, 2, 10]


def test_every_torn_tail_of_the_last_line_is_cut_and_written_again(tmp_path: Path) -> None:
    with _folder(tmp_path) as folder:
        generate(folder, _job(_studies(5)))
        path = folder.predictions_path("m")
        whole = path.read_bytes()
        start = whole.rindex(b"\n", 0, -1) + 1
        for end in range(start, len(whole)):
            path.write_bytes(whole[:end])
            generate(folder, _job(_studies(5)))
            assert whole == path.read_bytes()


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tail=st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), done=st.integers(0, 3))
def test_any_tail_without_an_end_of_line_is_cut(tmp_path: Path, tail: bytes, done: int) -> None:
    path = tmp_path / "log.jsonl"
    ids = ["a", "b", "c"]
    path.unlink(missing_ok=True)
    log = PredictionLog(path, ids)
    log.append([{"study_id": i, "prediction": ""} for i in ids[:done]])
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    assert ids[:done] == [line["study_id"] for line in log.resume()]
    assert whole == path.read_bytes()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (['{"study_id": "b", "prediction": ""}'], "line 1 is of sample 'b'; expected 'a'"),
        (['{"study_id": "a", "prediction": ""}'] * 2, "line 2 is of sample 'a'; expected 'b'"),
        (["nonsense", '{"study_id": "b", "prediction": ""}'], "line 1 is no prediction"),
        ([f'{{"study_id": "{i}", "prediction": ""}}' for i in "abc"], "line 3 is one more"),
    ],
)
def test_a_file_changed_by_hand_is_refused_unchanged(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines) + "\n")
    before = path.read_bytes()
    with pytest.raises(InputError, match=message):
        PredictionLog(path, ["a", "b"]).resume()
    assert before == path.read_bytes()


def test_only_whole_files_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    lines = [{"study_id": "a", "prediction": "É"}, {"study_id": "b", "prediction": ""}]
    PredictionLog(path, ["a", "b"]).append(lines)
    assert lines == list(read_lines(path))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match="line 2 is no prediction"):
        list(read_lines(path))
    with pytest.raises(InputError, match=r"Cannot read .*none\.jsonl: No such file"):
        list(read_lines(tmp_path / "none.jsonl"))


def test_predictions_of_other_settings_are_refused(tmp_path: Path) -> None:
    with _folder(tmp_path) as folder:
        generate(folder, _job(_studies(3), Constant.from_settings({"text": "One."})))
        before = folder.predictions_path("m").read_bytes()
        with pytest.raises(InputError, match=r'adapter.text: "One." → "Two.".*--fresh'):
            generate(folder, _job(_studies(3), Constant.from_settings({"text": "Two."})))
        assert before == folder.predictions_path("m").read_bytes()


def test_a_changed_image_or_context_is_refused(tmp_path: Path) -> None:
    def studies(indication: str) -> list[Study]:
        return [
            Study(
                sample_id="s",
                study_id="s",
                images=["a.png"],
                current_image="a.png",
                context={"indication": indication},
            )
        ]

    (tmp_path / "a.png").write_bytes(b"1")
    with _folder(tmp_path) as folder:
        generate(folder, _job(studies("cough"), images=tmp_path))
        with pytest.raises(InputError, match=r"sample 's' .*what the model is told"):
            generate(folder, _job(studies("fever"), images=tmp_path))
        (tmp_path / "a.png").unlink()
        with pytest.raises(InputError, match=r"the image .*a\.png, which is not there any more"):
            generate(folder, _job(studies("cough"), images=tmp_path))


def test_a_predictions_file_that_is_not_on_record_is_refused(tmp_path: Path) -> None:
    with _folder(tmp_path) as folder:
        path = folder.predictions_path("m")
        path.parent.mkdir()
        path.write_text("theirs\n")
        with pytest.raises(InputError, match="not on this run's record"):
            generate(folder, _job(_studies(2)))
        assert path.read_text() == "theirs\n"


def test_an_adapter_that_answers_too_little_is_named(tmp_path: Path) -> None:
    class Lazy(Echo):
        def generate(self, requests: Sequence[Request]) -> list[Generation]:
            return []

    with (
        _folder(tmp_path) as folder,
        pytest.raises(ModelsError, match="'m' gave 0 answers to 2 requests"),
    ):
        generate(folder, _job(_studies(2), Lazy.from_settings({})))


def test_dummy_and_none_hide_the_prior_image_and_its_report() -> None:
    study = Study(
        sample_id="s",
        study_id="s",
        images=["c.png"],
        current_image="c.png",
        prior_images=["p.png"],
        prior_report="Old.",
    )
    (real,) = build_requests([study], "real", 0, Path("/images"))
    assert Path("/images/p.png") == real.prior_image
    assert real.prior_report == "Old."
    for prior in ("dummy", "none"):
        (request,) = build_requests([study], prior, 0)
        assert (None, None, prior) == (request.prior_image, request.prior_report, request.prior)
        assert PriorReport.from_settings({"fallback": "F."}).generate([request])[0].text == "F."


@pytest.mark.parametrize(
    ("leak", "message"),
    [
        (Study(sample_id="s1", study_id="s1"), "1 studies of the test set, first 's1'"),
        (
            Study(sample_id="new", study_id="new", subject_id="p1"),
            "1 studies of the test set's patients, first 'new'",
        ),
    ],
)
def test_a_bank_that_knows_the_test_set_is_refused(leak: Study, message: str) -> None:
    studies = [Study(sample_id="s1", study_id="s1", subject_id="p1")]
    training = [Study(sample_id="t", study_id="t", subject_id="p9"), Study("u", "u")]
    refuse_leaks(training, studies, "train.jsonl")
    with pytest.raises(InputError, match=message):
        refuse_leaks([*training, leak], studies, "train.jsonl")


def test_retrieval_runs_from_studies_to_predictions(tmp_path: Path) -> None:
    words = {"cough": "Clear.", "fall": "Fracture."}
    bank = [
        Study(f"t{i}", f"t{i}", context={"indication": word}, reference={"findings": report})
        for i, (word, report) in enumerate(words.items())
    ]
    adapter = Retrieval.from_settings({})
    reports = bank_reports(bank, "findings")
    assert BankReport("t0", {"indication": "cough"}, "Clear.") == reports[0]
    adapter.prepare(reports)
    studies = [Study(sample_id="s", study_id="s", context={"indication": "after a fall"})]
    with _folder(tmp_path) as folder:
        generate(folder, _job(studies, adapter))
        line = json.loads(folder.predictions_path("m").read_text())
    assert line["prediction"] == "Fracture."


def test_a_bank_study_without_the_section_has_nothing_to_copy() -> None:
    bank = [
        Study("a", "a", reference={"impression": "Normal."}),
        Study("b", "b", reference={"findings": "Clear.", "impression": "Normal."}),
    ]
    assert ["b"] == [report.sample_id for report in bank_reports(bank, "findings")]
    with pytest.raises(InputError, match="No study of the bank has technique"):
        bank_reports(bank, "technique")
