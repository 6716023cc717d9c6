"""Features come back as they were put, and no damage to the folder is fatal."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.errors import InputError
from models.images.feature_cache import (
    FeatureCache,
    FeatureCacheWarning,
    feature_folder,
    feature_key,
)

KEY = "ab" * 32
FEATURES = np.linspace(-3, 3, 24, dtype=np.float32).reshape(2, 3, 4)


def entry(folder: Path, dtype: str = "float32") -> Path:
    return folder / dtype / KEY[:2] / f"{KEY}.npy"


def test_features_come_back_exactly_as_float32(tmp_path: Path) -> None:
    assert FeatureCache(tmp_path).get(KEY) is None
    np.testing.assert_array_equal(FEATURES, FeatureCache(tmp_path).put(KEY, FEATURES))
    found = FeatureCache(tmp_path).get(KEY)
    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_array_equal(FEATURES, found)


def test_float16_halves_the_file_and_put_returns_what_get_will(tmp_path: Path) -> None:
    large = np.random.default_rng(0).normal(size=(100, 100)).astype(np.float32)
    cache = FeatureCache(tmp_path, "float16")
    put = cache.put(KEY, large)
    assert 20_000 < entry(tmp_path, "float16").stat().st_size < 20_200
    np.testing.assert_array_equal(large.astype(np.float16).astype(np.float32), put)
    np.testing.assert_array_equal(put, cache.get(KEY))
    assert FeatureCache(tmp_path).get(KEY) is None


def test_what_float16_cannot_hold_is_kept_as_float32(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, "float16")
    cache.put(KEY, FEATURES * 1e6)
    np.testing.assert_array_equal(FEATURES * np.float32(1e6), cache.get(KEY))


def test_entries_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "features"
    FeatureCache(folder).put(KEY, FEATURES)
    path = entry(folder)
    modes = [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent, folder)]
    assert [0o600, 0o700, 0o700] == modes


@given(damage=st.integers(0, 10_000), change=st.integers(0, 255))
def test_a_damaged_entry_counts_as_absent(
    damage: int, change: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("features")
    cache = FeatureCache(folder)
    cache.put(KEY, FEATURES)
    whole = bytearray(entry(folder).read_bytes())
    place = damage % len(whole)
    if change:
        whole[place] ^= change
    else:
        del whole[place:]
    entry(folder).write_bytes(whole)
    assert cache.get(KEY) is None
    assert not entry(folder).exists()
    cache.put(KEY, FEATURES)
    np.testing.assert_array_equal(FEATURES, cache.get(KEY))


def test_above_the_limit_what_was_not_used_for_longest_goes(tmp_path: Path) -> None:
    size = 4_000
    features = np.zeros(size // 4, np.float32)
    cache = FeatureCache(tmp_path, max_bytes=3 * (size + 200))
    keys = [f"{row:02x}" * 32 for row in range(4)]
    for age, key in enumerate(keys[:3]):
        cache.put(key, features)
        os.utime(tmp_path / "float32" / key[:2] / f"{key}.npy", (age + 1, age + 1))
    assert cache.get(keys[0]) is not None  # used now
    cache.put(keys[3], features)
    assert [True, False, True, True] == [cache.get(key) is not None for key in keys]


def test_leftovers_of_killed_processes_are_removed_with_the_oldest(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, max_bytes=1_000)
    cache.put(KEY, FEATURES)
    leftover = entry(tmp_path).parent / "tmpdead"
    leftover.write_bytes(bytes(900))
    os.utime(leftover, (1, 1))
    cache.put(KEY, FEATURES)
    assert [entry(tmp_path)] == list(entry(tmp_path).parent.iterdir())


def test_what_is_larger_than_the_limit_is_not_kept(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, max_bytes=100)
    np.testing.assert_array_equal(FEATURES, cache.put(KEY, FEATURES))
    assert cache.get(KEY) is None


def test_a_disk_that_cannot_be_written_to_is_a_warning(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    (tmp_path / "float32" / KEY[:2]).write_text("in the way")
    with pytest.warns(FeatureCacheWarning, match="are not kept"):
        np.testing.assert_array_equal(FEATURES, cache.put(KEY, FEATURES))
    assert cache.get(KEY) is None


def _put_and_get(folder: Path, process: int) -> int:
    cache = FeatureCache(folder, max_bytes=200_000)
    wrong = 0
    for turn in range(60):
        number = (turn * 7 + process) % 12
        expected = np.full(4_000, number, np.float32)
        cache.put(f"{number:064x}", expected)
        found = cache.get(f"{(number + 1) % 12:064x}")
        wrong += found is not None and not (found == (number + 1) % 12).all()
    return wrong


def test_several_processes_share_a_folder(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        wrong = pool.starmap(_put_and_get, [(tmp_path, process) for process in range(3)])
    assert [0, 0, 0] == wrong
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {".npy"} == {path.suffix for path in files}


@given(arrays.arrays(np.float32, (1, 2, 2), elements=st.floats(0, 1, width=32)))
def test_equal_pixels_have_one_key_and_others_another(pixels: np.ndarray) -> None:
    tower = {"weights": "0f", "layer": "all"}
    key = feature_key(pixels, tower)
    assert 64 == len(key)
    assert key == feature_key(pixels.copy(order="F"), dict(reversed(tower.items())))
    others: list[tuple[np.ndarray, dict[str, Any]]] = [
        (pixels + 1, tower),
        (pixels.astype(np.float64), tower),
        (pixels.reshape(2, 2, 1), tower),
        (pixels, {**tower, "layer": -2}),
    ]
    assert all(key != feature_key(*other) for other in others)


@pytest.mark.parametrize("key", ["", "ab", "../../etc", "AB" * 32])
def test_keys_that_are_not_hexadecimal_are_refused(key: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hexadecimal"):
        FeatureCache(tmp_path).get(key)


def test_wrong_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='"float32" or "float16"'):
        FeatureCache(tmp_path, "int8")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="bytes above 0"):
        FeatureCache(tmp_path, max_bytes=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="CXR_HARNESS_CACHE"):
        FeatureCache(tmp_path / "file")


def test_the_usual_place_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_HARNESS_CACHE", "/there")
    assert Path("/there/features") == feature_folder()
    monkeypatch.delenv("CXR_HARNESS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert Path("/cache/cxr-harness/features") == feature_folder()
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert Path("~/.cache/cxr-harness/features").expanduser() == feature_folder()
