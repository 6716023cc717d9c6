"""Samples whose image is missing or corrupt: one error or a counted failure, and nothing lost."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.errors import InputError
from harness.fingerprint import file_hash, hash_images
from harness.generation import Job, generate
from harness.model_requests import build_requests
from harness.run_folder import RunFolder
from harness.study import Study
from models.adapter import Adapter, Generation, NoOptions, Request

N = 10


class Reader(Adapter):
    """Says what the images of a request hold; fails on those that are not there or torn."""

    uses_images = True
    uses_prior = True
    batch_size = 4

    def __init__(self, options: NoOptions) -> None:
        super().__init__(options)
        self.asked: list[str] = []

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        self.asked += [request.sample_id for request in requests]
        return [self._one(request) for request in requests]

    def _one(self, request: Request) -> Generation:
        paths = self.looks_at(request)
        for path in paths:
            if not path.exists() or path.read_text() == "torn":
                return Generation("", "error", error=f"Cannot read {path.name}: it is no image.")
        seen = " ".join(path.read_text() for path in paths)
        return Generation(f"Report of {seen}.")


class CurrentOnly(Reader):
    """Looks at the current image alone, and says so."""

    def looks_at(self, request: Request) -> list[Path]:
        return [] if request.current_image is None else [request.current_image]


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


def _run(
    folder: Path, images: Path, allow_missing: bool = False, reader: Reader | None = None
) -> list[dict[str, str]]:
    requests = build_requests(STUDIES, "real", 0, images)
    adapter = reader or Reader.from_settings({})
    job = Job("m", "real", adapter, STUDIES, requests, allow_missing)
    with RunFolder.create(folder, {"name": "test"}, test_set="hash") as run:
        generate(run, job)
    return _lines(folder)


def _bytes(folder: Path) -> bytes:
    return (folder / "predictions" / "m.jsonl").read_bytes()


def _lines(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in _bytes(folder).splitlines()]


def _written(folder: Path) -> list[str]:
    return [line["study_id"] for line in _lines(folder)]


def _identity(folder: Path) -> dict[str, object]:
    record = json.loads((folder / "run.json").read_text())
    return {name: value for name, value in record.items() if name not in ("timing", "machine")}


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
    with pytest.raises(InputError, match=r"sample 's2' .*changed since: the image .*/2\.png\. Put"):
        _run(tmp_path / "run", images)
    (images / "2.png").unlink()
    with pytest.raises(InputError, match=r"the image .*/2\.png, which is not there any more\. Put"):
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


def test_without_the_flag_a_sample_that_failed_before_ends_the_run(
    tmp_path: Path, images: Path
) -> None:
    (images / "6.png").unlink()
    with pytest.raises(InputError, match="sample 's6'"):
        _run(tmp_path / "run", images)
    kept = _run(tmp_path / "run", images, allow_missing=True)
    assert N == len(kept)
    with pytest.raises(InputError, match="sample 's6'"):
        _run(tmp_path / "run", images)
    assert kept == _lines(tmp_path / "run")


@pytest.mark.parametrize("names", [["6.png"], ["0.png", "6-prior.png", "9-lateral.png"]])
@pytest.mark.parametrize("content", [None, "torn"])
def test_once_mended_only_the_failed_samples_are_asked_about_again(
    tmp_path: Path, images: Path, names: list[str], content: str | None
) -> None:
    undisturbed = _run(tmp_path / "undisturbed", images)
    for name in names:
        (images / name).unlink() if content is None else (images / name).write_text(content)
    folder = tmp_path / "run"
    _run(folder, images, allow_missing=True)
    for name in names:
        (images / name).write_text(name)
    reader = Reader.from_settings({})
    assert undisturbed == _run(folder, images, allow_missing=True, reader=reader)
    assert [f"s{name[0]}" for name in names] == reader.asked
    assert _bytes(tmp_path / "undisturbed") == _bytes(folder)
    assert _identity(tmp_path / "undisturbed") == _identity(folder)


def test_what_still_fails_is_asked_about_again_and_stays_as_it_is(
    tmp_path: Path, images: Path
) -> None:
    for name in ("2.png", "7.png"):
        (images / name).unlink()
    _run(tmp_path / "run", images, allow_missing=True)
    before = _bytes(tmp_path / "run")
    reader = Reader.from_settings({})
    _run(tmp_path / "run", images, allow_missing=True, reader=reader)
    assert ["s2", "s7"] == reader.asked
    assert before == _bytes(tmp_path / "run")


def test_a_kill_between_asking_again_and_putting_in_order_loses_nothing(
    tmp_path: Path, images: Path
) -> None:
    undisturbed = _run(tmp_path / "undisturbed", images)
    for name in ("2.png", "7.png"):
        (images / name).unlink()
    folder = tmp_path / "run"
    failed = _run(folder, images, allow_missing=True)
    (images / "2.png").write_text("2.png")
    (images / "7.png").write_text("7.png")
    path = folder / "predictions" / "m.jsonl"
    written = path.read_bytes()
    second = json.dumps(undisturbed[2]).encode() + b"\n"
    torn = json.dumps(undisturbed[7]).encode()[:-9]
    path.write_bytes(written + second + torn)
    assert "s7" == failed[7]["study_id"]
    reader = Reader.from_settings({})
    assert undisturbed == _run(folder, images, allow_missing=True, reader=reader)
    assert ["s7"] == reader.asked
    assert _bytes(tmp_path / "undisturbed") == _bytes(folder)


def test_an_answer_is_not_written_twice(tmp_path: Path, images: Path) -> None:
    _run(tmp_path / "run", images)
    path = tmp_path / "run" / "predictions" / "m.jsonl"
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[3])
    with pytest.raises(InputError, match="line 11 is one more than there are samples"):
        _run(tmp_path / "run", images)


def test_the_message_names_the_first_changed_image_and_counts_the_others(
    tmp_path: Path, images: Path
) -> None:
    _run(tmp_path / "run", images)
    for i in (3, 4, 8):
        (images / f"{i}-prior.png").write_text("another")
    with pytest.raises(InputError) as caught:
        _run(tmp_path / "run", images)
    message = str(caught.value)
    assert "the answer to sample 's3' (and 2 more) was made from has changed" in message
    assert f"the image {images / '3-prior.png'}. Put it back as it was, give --fresh" in message


def test_an_image_that_the_model_does_not_look_at_may_change(tmp_path: Path, images: Path) -> None:
    (images / "3-prior.png").write_text("torn")
    (images / "5-lateral.png").unlink()
    before = _run(tmp_path / "run", images, reader=CurrentOnly.from_settings({}))
    (images / "3-prior.png").write_text("3-prior.png")
    (images / "5-lateral.png").write_text("5-lateral.png")
    (images / "7-prior.png").unlink()
    reader = CurrentOnly.from_settings({})
    assert before == _run(tmp_path / "run", images, reader=reader)
    assert [] == reader.asked
    (images / "7.png").write_text("another")
    with pytest.raises(InputError, match=r"the image .*/7\.png\. Put"):
        _run(tmp_path / "run", images, reader=CurrentOnly.from_settings({}))


def test_an_adapter_without_prior_is_not_held_to_look_at_it(images: Path) -> None:
    class Blind(Reader):
        uses_images = False

    class NoPrior(Reader):
        uses_prior = False

    (request,) = build_requests(STUDIES[:1], "real", 0, images)
    found = {kind: kind.from_settings({}).looks_at(request) for kind in (Reader, NoPrior, Blind)}
    names = {kind: [path.name for path in paths] for kind, paths in found.items()}
    assert ["0.png", "0-prior.png", "0-lateral.png"] == names[Reader]
    assert ["0.png", "0-lateral.png"] == names[NoPrior]
    assert [] == names[Blind]


def test_a_request_holds_all_images_their_views_and_the_section(images: Path) -> None:
    first = build_requests(STUDIES[:1], "real", 0, images, "impression")[0]
    assert (images / "0.png", images / "0-lateral.png") == first.images
    assert ("PA", "LATERAL") == first.views
    assert "impression" == first.section
    assert (images / "0.png", images / "0-prior.png") == (first.current_image, first.prior_image)


def test_images_are_hashed_ahead_and_missing_ones_stop_nothing(images: Path) -> None:
    paths = [images / f"{i}.png" for i in range(N)] * 20
    (images / "3.png").unlink()
    done: list[int] = []
    hash_images(paths, done.append)
    assert len(paths) == sum(done)
    with pytest.raises(FileNotFoundError):
        file_hash(images / "3.png")
