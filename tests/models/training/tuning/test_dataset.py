"""The loader gives what the goldens' functions make of each record, from worker processes too."""

from __future__ import annotations

import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from models.errors import InputError
from models.images.canvas import study_canvas
from models.images.preprocess import Preprocessor
from models.images.reading import read_image
from models.training.masking import encode_conversation
from models.training.tuning.dataset import Collator, TuningDataset
from models.training.tuning.features import Features
from models.training.tuning.image_cache import ImageCache, ImageCacheWarning
from models.training.tuning.pictures import Pixels, RecordError
from models.training.tuning.records import TrainingRecord
from tests.models.training.tuning.listed_records import (
    CONFIG,
    ListedRecords,
    encoding,
    record,
    saved,
)

PREPROCESSOR = Preprocessor(CONFIG, "pad", "black")


@pytest.fixture
def records(tmp_path: Path) -> ListedRecords:
    now, before = saved(tmp_path / "a.png", 0), saved(tmp_path / "b.png", 1, grey=False)
    return ListedRecords(
        (record("two", now, before), record("one", now), record("same", now, now), record("text"))
    )


def dataset(records: ListedRecords, pictures: Any = None) -> TuningDataset:
    return TuningDataset(
        records, np.arange(len(records)), encoding(), pictures or Pixels(PREPROCESSOR)
    )


def loader(data: TuningDataset, workers: int = 0, **settings: Any) -> DataLoader[Any]:
    return DataLoader(data, 4, num_workers=workers, collate_fn=Collator(0, 256), **settings)


def test_a_record_is_encoded_as_the_goldens_are_and_its_images_as_the_tower_wants(
    records: ListedRecords,
) -> None:
    how = encoding()
    found = dataset(records)[0]
    wanted = encode_conversation(records[0].conversation, how.tokenizer, how.template)
    assert wanted == (found.input_ids, found.labels)
    for file, pixels in zip(records[0].images, found.images, strict=True):
        np.testing.assert_array_equal(PREPROCESSOR(read_image(file)), pixels.numpy())
    assert records[0] == dataset(records).record(0)


def test_a_prior_that_is_the_current_image_is_decoded_once(records: ListedRecords) -> None:
    data = dataset(records)
    assert [2, 1, 1, 0] == [len(data[i].images) for i in range(4)]


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_the_same_from_any_number_of_workers(
    records: ListedRecords, workers: int
) -> None:
    (batch,) = loader(dataset(records), workers)
    assert (2, 4, 3, 14, 14) == batch["images"].shape
    current, prior = batch["images"]
    assert torch.equal(current[1], prior[1])
    assert torch.equal(current[0], current[1])
    assert not torch.equal(current[0], prior[0])
    assert not current[3].any()
    assert batch["input_ids"].shape == batch["labels"].shape == batch["attention_mask"].shape


def test_a_canvas_shows_all_images_as_one(tmp_path: Path) -> None:
    files = (saved(tmp_path / "a.png", 0), saved(tmp_path / "b.png", 1))
    one = record("c", *files)
    shown = TrainingRecord("c", one.conversation, files, "", canvas=True, views=("LATERAL", "PA"))
    (pixels,) = dataset(ListedRecords((shown,)))[0].images
    canvas = study_canvas([read_image(file) for file in files], ("LATERAL", "PA"))
    np.testing.assert_array_equal(PREPROCESSOR(canvas), pixels.numpy())


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_cannot_be_read_is_one_error_that_names_record_and_file(
    tmp_path: Path, workers: int
) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG torn")
    bad = ListedRecords((record("r7", tmp_path / "a.png"),))
    with pytest.raises(RecordError) as told:
        list(loader(dataset(bad), workers))
    assert str(told.value).startswith(f"The record 'r7': {tmp_path / 'a.png'}: this is not an")
    assert "\n" not in str(told.value)
    assert isinstance(told.value, InputError)


def test_kept_pictures_are_not_decoded_again(records: ListedRecords, tmp_path: Path) -> None:
    cache = ImageCache(tmp_path / "kept", 14, 10**6)
    (first,) = loader(dataset(records, Pixels(PREPROCESSOR, cache=cache)))
    now, before = records[0].images
    sizes = sorted(file.stat().st_size for file in (tmp_path / "kept").glob("*/*"))
    assert [14 * 14 + 4, 3 * 14 * 14 + 4] == sizes
    for file in (now, before):
        state = file.stat()
        file.write_bytes(bytes(state.st_size))
        os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    (again,) = loader(dataset(records, Pixels(PREPROCESSOR, cache=cache)), workers=1)
    assert torch.equal(first["images"], again["images"])


def test_a_changed_image_or_preprocessing_has_another_key(
    records: ListedRecords, tmp_path: Path
) -> None:
    from models.training.tuning.pictures import Picture

    picture = Picture((records[0].images[0],))
    mean = Pixels(Preprocessor(CONFIG, "pad", "mean"))
    first = Pixels(PREPROCESSOR).key(picture)
    saved(records[0].images[0], 5)
    keys = [first, Pixels(PREPROCESSOR).key(picture), mean.key(picture)]
    assert 3 == len(set(keys))
    assert Pixels(PREPROCESSOR).key(Picture((tmp_path / "gone.png",))) is None


def test_a_damaged_picture_is_decoded_again(records: ListedRecords, tmp_path: Path) -> None:
    pixels = Pixels(PREPROCESSOR, cache=ImageCache(tmp_path / "kept", 14, 10**6))
    first = pixels(records[0])
    for number, file in enumerate((tmp_path / "kept").glob("*/*")):
        file.write_bytes(file.read_bytes()[:-9] if number else b"")
    again = pixels(records[0])
    assert all(map(torch.equal, first, again))


def test_the_image_cache_stops_at_its_limit(tmp_path: Path) -> None:
    cache = ImageCache(tmp_path, 10, 1_000)
    for number in range(30):
        cache.put(f"{number:064x}", np.full((10, 10, 3), number, np.uint8))
    kept = sum(file.stat().st_size for file in tmp_path.glob("*/*"))
    assert 1_000 <= kept <= 1_000 + 104
    other = ImageCache(tmp_path, 10, 1_000)
    other.put("f" * 64, np.zeros((10, 10, 3), np.uint8))
    assert other.get("f" * 64) is None
    np.testing.assert_array_equal(np.full((10, 10, 3), 3), other.get(f"{3:064x}"))


def test_a_disk_that_refuses_pictures_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ImageCache(tmp_path, 10, 10**6)

    def refuse(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("models.training.tuning.image_cache.replace_file", refuse)
    pixels = np.zeros((10, 10, 3), np.uint8)
    with pytest.warns(ImageCacheWarning, match="no longer kept"):
        cache.put("a" * 64, pixels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.put("b" * 64, pixels)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        ImageCache(tmp_path / "file", 10, 1)


def encode(pixels: torch.Tensor) -> torch.Tensor:
    """A tower of two layers, four positions and three numbers."""
    return torch.stack([pixels[:, :, :2, :2], 2 * pixels[:, :, :2, :2]], 1).flatten(3).mT


def test_features_are_made_once_and_read_as_the_tower_gave_them(
    records: ListedRecords, tmp_path: Path
) -> None:
    pixels = Pixels(PREPROCESSOR)
    features = Features(pixels, {"weights": "w"}, tmp_path / "features", "float32")
    rows = np.arange(len(records))
    with pytest.raises(RecordError, match=r"'two'.*its features are not in"):
        dataset(records, features)[0]
    made: list[int] = []
    assert 2 == features.fill(records, rows, encode, batch_size=1, advance=made.append)
    assert ([1, 1], 0) == (made, features.fill(records, rows, encode))
    data = dataset(records, features)
    (batch,) = DataLoader(data, 4, num_workers=1, collate_fn=Collator(0, 256, features=True))
    assert (2, 4, 2, 4, 3) == batch["features"].shape
    assert "images" not in batch
    (plain,) = loader(dataset(records, pixels))
    wanted = torch.stack([encode(plain["images"][side]) for side in (0, 1)])
    assert torch.equal(wanted, batch["features"])
    other = Features(pixels, {"weights": "v"}, tmp_path / "features", "float32")
    assert 2 == other.fill(records, rows, encode)


def test_features_in_half_precision_stay_so(records: ListedRecords, tmp_path: Path) -> None:
    features = Features(Pixels(PREPROCESSOR), {}, tmp_path, "float16")
    features.fill(records, np.array([1]), encode)
    (found,) = features(records[1])
    assert torch.float16 == found.dtype
    wanted = encode(Pixels(PREPROCESSOR)(records[1])[0][None])[0].half()
    assert torch.equal(wanted, found)


def test_features_that_do_not_fit_on_the_disk_are_refused_at_once(
    records: ListedRecords, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("U", (), {"free": 90}))
    features = Features(Pixels(PREPROCESSOR), {}, tmp_path, "float16")
    with pytest.raises(InputError, match=r"features of 2 images need 0\.0 GB, but 0"):
        features.fill(records, np.arange(4), encode)


def test_the_collator_travels_to_workers() -> None:
    assert Collator(0, 256) == pickle.loads(pickle.dumps(Collator(0, 256)))
