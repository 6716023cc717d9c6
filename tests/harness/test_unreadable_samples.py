"""Samples whose image is missing or corrupt: one error or a counted failure, and nothing lost."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.fingerprint import file_hash, hash_images, images_of
from harness.generation import Job, generate
from harness.model_requests import build_requests
from harness.run_folder import RunFolder
from harness.study import Study
from models.adapter import Adapter, Generation, Request

N = 10


class Reader(Adapter):
    """Says what the images of a request hold; fails on those that are not there or torn."""

    uses_images = True
    uses_prior = True
    batch_size = 4

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Generation:
        for path in images_of(request):
            if not path.exists() or path.read_text() == "torn":
                return Generation("", "error", error=f"Cannot read {path.name}: it is no image.")
        seen = " ".join(path.read_text() for path in images_of(request))
        return Generation(f"Report of {seen}.")


def _study(i: int) -> Study:
    images = [f"{i}.png", f"{i}-lateral.png"]
    return Study(
        f"s{i}",
        f"s{i}",
        images=images,
        image_views=("PA", "LATERAL"),
        current_image=images[0],
        prior_images=[f"{i}-prior.png"],
    )


STUDIES = [_study(i) for i in range(N)]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for study in STUDIES:
        for name in (*study.images, *(study.prior_images or ())):
            (folder / name).write_text(name)
    return folder


def _run(folder: Path, images: Path, allow_missing: bool = False) -> list[dict[str, str]]:
    requests = build_requests(STUDIES, "real", 0, images)
    job = Job("m", "real", Reader.from_settings({}), STUDIES, requests, allow_missing)
    with RunFolder.create(folder, {"name": "test"}, test_set="hash") as run:
        generate(run, job)
        return [json.loads(line) for line in run.predictions_path("m").read_text().splitlines()]


def _written(folder: Path) -> list[str]:
    lines = (folder / "predictions" / "m.jsonl").read_text().splitlines()
    return [json.loads(line)["study_id"] for line in lines]


@pytest.mark.parametrize("name", ["6.png", "6-lateral.png", "6-prior.png"])
@pytest.mark.parametrize("content", [None, "torn"])
def test_an_unreadable_image_is_one_error_and_all_before_it_is_kept(
    tmp_path: Path, images: Path, name: str, content: str | None
) -> None:
    undisturbed = _run(tmp_path / "undisturbed", images)
    whole = (images / name).read_text()
    (images / name).unlink() if content is None else (images / name).write_text(content)
    folder = tmp_path / "run"
    for _ in range(2):
        with pytest.raises(
            InputError, match=r"m, sample 's6': Cannot read .*it is no image\."
        ) as e:
            _run(folder, images)
        assert "Mend the file, or give --allow-missing to count it as failed" in str(e.value)
        assert [f"s{i}" for i in range(6)] == _written(folder)
    (images / name).write_text(whole)
    assert undisturbed == _run(folder, images)
    assert (tmp_path / "undisturbed" / "predictions" / "m.jsonl").read_bytes() == (
        folder / "predictions" / "m.jsonl"
    ).read_bytes()
    assert "stopped" not in json.loads((folder / "run.json").read_text())["generations"]["m"]


def test_the_first_sample_may_be_the_one_that_cannot_be_read(tmp_path: Path, images: Path) -> None:
    (images / "0.png").write_text("torn")
    with pytest.raises(InputError, match="sample 's0'"):
        _run(tmp_path / "run", images)
    (images / "0.png").write_text("0.png")
    assert N == len(_run(tmp_path / "run", images))


def test_what_was_answered_before_a_stop_may_not_change(tmp_path: Path, images: Path) -> None:
    (images / "6.png").write_text("torn")
    with pytest.raises(InputError, match="sample 's6'"):
        _run(tmp_path / "run", images)
    (images / "6.png").write_text("6.png")
    (images / "2.png").write_text("another image")
    with pytest.raises(InputError, match=r"What changed: key\.requests: "):
        _run(tmp_path / "run", images)
    (images / "2.png").write_text("2.png")
    assert N == len(_run(tmp_path / "run", images))


def test_with_allow_missing_the_sample_is_written_as_failed_and_told(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (images / "6.png").unlink()
    lines = _run(tmp_path / "run", images, allow_missing=True)
    failed = [line for line in lines if line["finish_reason"] == "error"]
    assert [("s6", "", "Cannot read 6.png: it is no image.")] == [
        (line["study_id"], line["prediction"], line["error"]) for line in failed
    ]
    assert N == len(lines)
    assert (
        "Warning: m, sample 's6' counts as failed. Cannot read 6.png: it is no image.\n"
        == capsys.readouterr().err
    )


def test_the_flag_may_be_given_or_left_out_when_a_run_goes_on(tmp_path: Path, images: Path) -> None:
    (images / "6.png").unlink()
    with pytest.raises(InputError, match="sample 's6'"):
        _run(tmp_path / "run", images)
    assert N == len(_run(tmp_path / "run", images, allow_missing=True))
    assert N == len(_run(tmp_path / "run", images))


def test_a_request_holds_all_images_their_views_and_the_section(images: Path) -> None:
    first = build_requests(STUDIES[:1], "real", 0, images, "impression")[0]
    assert (images / "0.png", images / "0-lateral.png") == first.images
    assert ("PA", "LATERAL") == first.views
    assert "impression" == first.section
    assert [images / n for n in ("0.png", "0-prior.png", "0-lateral.png")] == images_of(first)


def test_images_are_hashed_ahead_and_missing_ones_stop_nothing(images: Path) -> None:
    paths = [images / f"{i}.png" for i in range(N)] * 20
    (images / "3.png").unlink()
    done: list[int] = []
    hash_images(paths, done.append)
    assert len(paths) == sum(done)
    with pytest.raises(FileNotFoundError):
        file_hash(images / "3.png")
