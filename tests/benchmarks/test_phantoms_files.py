"""The data set on disk: its form, the same bytes every time, and never another's folder."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.phantoms import InputError, draw, generate_split, write_phantoms
from benchmarks.phantoms.png import encode_png

_ROOT = Path(__file__).parents[2]
# Of `write_phantoms(seed=0, patients=6)`. Another value means that VERSION has to go up.
_GOLDEN = "e69f52644700c6f2e830f331da9acd41f40c2268447ca87cfb0e40ba62e9a755"


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms") / "data"
    write_phantoms(folder, seed=0, patients=6)
    return folder


def test_bytes_are_those_of_this_version(written):
    assert _GOLDEN == _digest(written)


@pytest.mark.parametrize("hash_seed", ["1", "77"])
def test_bytes_do_not_depend_on_the_hash_seed_or_process(written, tmp_path, hash_seed):
    code = (
        "import sys; from pathlib import Path; from benchmarks.phantoms import write_phantoms;"
        "write_phantoms(Path(sys.argv[1]), seed=0, patients=6)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(_ROOT)}
    command = [sys.executable, "-c", code, str(tmp_path / "again")]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path)
    assert _digest(written) == _digest(tmp_path / "again")


def test_records_have_the_form_of_studies(written):
    records = [
        r for split in ("train", "valid", "test") for r in _lines(written / f"{split}.jsonl")
    ]
    by_id = {record["study_id"]: record for record in records}
    assert len(records) == len(by_id)
    for record in records:
        assert {"indication", "comparison"} <= record["context"].keys()
        assert {"findings", "impression"} == record["reference"].keys()
        assert record["tags"]["view"] in ("PA", "AP")
        for path in record["images"] + record["prior_images"]:
            with Image.open(written / path) as image:
                assert ((96, 96), "L") == (image.size, image.mode)
        if not record["prior_images"]:
            assert record.keys().isdisjoint(("prior_study_id", "prior_report"))
            continue
        prior = by_id[record["prior_study_id"]]
        assert prior["images"] == record["prior_images"]
        assert prior["reference"]["findings"] == record["prior_report"]
        assert prior["subject_id"] == record["subject_id"]
        assert prior["study_date"] < record["study_date"]


def test_splits_share_no_patient_and_say_which_they_are(written):
    seen: dict[str, str] = {}
    for split in ("train", "valid", "test"):
        for record in _lines(written / f"{split}.jsonl"):
            assert split == record["tags"]["split"]
            assert split == seen.setdefault(record["subject_id"], split)
    assert {"train", "valid", "test"} == set(seen.values())


def test_the_notice_says_that_all_is_synthetic(written):
    notice = (written / "README.txt").read_text(encoding="utf-8")
    assert notice.startswith("Synthetic")
    assert "seed 0" in notice


def test_exactly_the_test_studies_asked_for_and_images_where_asked(tmp_path):
    output = tmp_path / "data"
    summary = write_phantoms(output, seed=0, patients=9, test_studies=13, drawn=["test"])
    assert 13 == summary.studies["test"] == summary.images
    assert 13 == len(list(output.rglob("*.png")))
    assert summary.studies["train"] == len(_lines(output / "train.jsonl"))
    notice = (output / "README.txt").read_text(encoding="utf-8")
    assert f"train.jsonl: {summary.studies['train']} studies, texts only" in notice


def test_written_images_are_the_drawn_ones(written):
    study = generate_split(0, "test", studies=1)[0]
    with Image.open(written / study.image_path) as image:
        assert np.array_equal(draw(study), np.asarray(image))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (300, 400)])
def test_png_files_hold_the_pixels_also_above_one_block(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    with Image.open(io.BytesIO(encode_png(pixels))) as image:
        assert np.array_equal(pixels, np.asarray(image))


def test_our_own_earlier_data_set_is_replaced(tmp_path):
    output = tmp_path / "data"
    write_phantoms(output, seed=1, patients=3, drawn=[])
    write_phantoms(output, seed=2, patients=2, drawn=[])
    assert "seed 2" in (output / "README.txt").read_text(encoding="utf-8")
    assert ["data"] == [path.name for path in tmp_path.iterdir()]


def test_folders_and_files_of_others_are_refused_and_left_alone(tmp_path):
    foreign = tmp_path / "mine"
    foreign.mkdir()
    (foreign / "train.jsonl").write_text("precious", encoding="utf-8")
    (tmp_path / "file").write_text("precious", encoding="utf-8")
    for output in (foreign, tmp_path / "file"):
        with pytest.raises(InputError, match=output.name):
            write_phantoms(output, seed=0, patients=1)
    assert "precious" == (foreign / "train.jsonl").read_text(encoding="utf-8")
    assert {"mine", "file"} == {path.name for path in tmp_path.iterdir()}


def test_a_data_set_of_ours_with_something_added_is_refused(tmp_path):
    output = tmp_path / "data"
    write_phantoms(output, seed=0, patients=1, drawn=[])
    (output / "notes.md").write_text("precious", encoding="utf-8")
    with pytest.raises(InputError, match="empty or a new folder"):
        write_phantoms(output, seed=0, patients=1, drawn=[])
    assert (output / "notes.md").exists()


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "data").mkdir()
    write_phantoms(tmp_path / "data", seed=0, patients=1, drawn=[])
    assert (tmp_path / "data" / "train.jsonl").exists()


def test_a_failure_leaves_nothing_behind(tmp_path):
    with pytest.raises(InputError, match="dev"):
        write_phantoms(tmp_path / "data", seed=0, patients=1, drawn=["dev"])
    with pytest.raises(InputError, match="size"):
        write_phantoms(tmp_path / "data", seed=0, patients=1, size=5)
    assert [] == list(tmp_path.iterdir())
