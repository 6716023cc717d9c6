"""The annotation cache: many writers, killed writers, damaged files, refusing disks."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import pytest

from metrics.cache import AnnotationCache, default_path
from metrics.errors import InputError, MetricsWarning

_VALUES = {f"text {i}": bytes([i % 251]) * (1 + i % 300) for i in range(1_200)}
_WRITES_FOR_EVER = """
import os, sys
from pathlib import Path
from metrics.cache import AnnotationCache
cache = AnnotationCache(Path(sys.argv[1]))
n = 0
while True:
    cache.put("a", {f"{n} {i}": os.urandom(3_000) for i in range(200)})
    n += 1
    print(n, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "annotations.sqlite3"


@pytest.fixture
def cache(path: Path) -> AnnotationCache:
    return AnnotationCache(path)


def test_what_was_put_is_got_under_its_signature_only(cache: AnnotationCache) -> None:
    cache.put("a", _VALUES)
    assert _VALUES == cache.get("a", [*_VALUES, "unknown"])
    assert {} == cache.get("b", list(_VALUES))


def test_reading_makes_no_file(cache: AnnotationCache) -> None:
    assert {} == cache.get("a", ["text"])
    assert {} == cache.counts()
    assert 0 == cache.clear()
    assert [] == list(cache.entries())
    assert not cache.path.parent.exists()


def test_odd_texts_have_keys_of_their_own(cache: AnnotationCache) -> None:
    values = {"": b"", " ": b"1", "\ud800": b"2", "e\u0301": b"3", "\u00e9": b"4", "\0": b"5"}
    cache.put("a", values)
    assert values == cache.get("a", list(values))


def test_a_new_value_takes_the_place_of_the_old_one(cache: AnnotationCache) -> None:
    cache.put("a", {"x": b"1"})
    cache.put("a", {"x": b"2"})
    assert {"x": b"2"} == cache.get("a", ["x"])
    assert {"a": 1} == cache.counts()


def test_only_the_owner_may_read_the_file(cache: AnnotationCache) -> None:
    before = os.umask(0)
    try:
        cache.put("a", {"x": b"1"})
        assert 0o600 == stat.S_IMODE(cache.path.stat().st_mode)
        cache.path.chmod(0o644)
        cache.get("a", ["x"])
        assert 0o600 == stat.S_IMODE(cache.path.stat().st_mode)
    finally:
        os.umask(before)


def test_clearing_one_signature_leaves_the_others_and_no_words(cache: AnnotationCache) -> None:
    secret = random.Random(0).randbytes(5_000)
    cache.put("a", {"x": secret})
    cache.put("b", {"x": b"1", "y": b"2"})
    assert {"a": 1, "b": 2} == cache.counts()
    assert 1 == cache.clear("a")
    assert {"b": 2} == cache.counts()
    assert secret[1_000:1_100] not in cache.path.read_bytes()
    assert 0 == cache.clear("a")
    assert 2 == cache.clear()
    assert {} == cache.counts()


def test_entries_come_in_order_across_pages(cache: AnnotationCache) -> None:
    cache.put("b", _VALUES)
    cache.put("a", {"x": b"1"})
    found = list(cache.entries())
    assert 1_201 == len(found)
    assert sorted(found) == found
    assert sorted(_VALUES.values()) == sorted(value for name, _, value in found if name == "b")


def test_the_place_is_the_users_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_HARNESS_CACHE", "/somewhere")
    assert Path("/somewhere/annotations.sqlite3") == default_path()
    monkeypatch.delenv("CXR_HARNESS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cached")
    assert Path("/cached/cxr-harness/annotations.sqlite3") == default_path()


def _put_many(path: Path, signature: str, seed: int) -> None:
    names = list(_VALUES)
    random.Random(seed).shuffle(names)
    cache = AnnotationCache(path)
    for start in range(0, len(names), 300):
        part = names[start : start + 300]
        cache.put(signature, {name: _VALUES[name] for name in part})
        assert {name: _VALUES[name] for name in part} == cache.get(signature, part)


def test_processes_may_write_at_once(path: Path) -> None:
    spawn = get_context("spawn")
    workers = [spawn.Process(target=_put_many, args=(path, "ab"[i % 2], i)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [0] * 4 == [worker.exitcode for worker in workers]
    assert {"a": 1_200, "b": 1_200} == AnnotationCache(path).counts()
    assert _VALUES == AnnotationCache(path).get("b", list(_VALUES))


@pytest.mark.parametrize("delay", range(3))
def test_a_killed_writer_leaves_whole_puts_only(path: Path, delay: int) -> None:
    words = [sys.executable, "-c", _WRITES_FOR_EVER, str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert "1\n" == writer.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(0.017 * delay)
        writer.send_signal(signal.SIGKILL)
        told = [line for line in writer.stdout.read().split("\n") if line]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        count = AnnotationCache(path).counts()["a"]
    assert 0 == count % 200
    assert count >= 200 * int(told[-1] if told else 1)
    assert len(AnnotationCache(path).get("a", [f"0 {i}" for i in range(200)])) == 200


_DAMAGES = {
    "garbage": lambda content: b"no database at all, however long it may be" * 30,
    "a truncated file": lambda content: content[: len(content) // 2],
    "a truncated header": lambda content: content[:60],
    "zeros": lambda content: content[:100] + bytes(len(content) - 100),
    "flipped values": lambda content: content[:9_000] + _flipped(content[9_000:]),
}


def _flipped(content: bytes) -> bytes:
    return bytes(byte ^ 255 for byte in content)


@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_damaged_file_is_set_aside_and_rebuilt(cache: AnnotationCache, damage: str) -> None:
    cache.put("a", _VALUES)
    bad = _DAMAGES[damage](cache.path.read_bytes())
    cache.path.write_bytes(bad)
    with pytest.warns(MetricsWarning, match=r"is damaged .* a new one is begun"):
        assert {} == cache.get("a", list(_VALUES))
    assert [bad] == [file.read_bytes() for file in cache.path.parent.glob("*.damaged-*")]
    cache.put("a", _VALUES)
    assert _VALUES == cache.get("a", list(_VALUES))


def test_putting_into_a_damaged_file_goes_into_a_new_one(cache: AnnotationCache) -> None:
    cache.path.parent.mkdir()
    cache.path.write_bytes(b"no database at all" * 100)
    with pytest.warns(MetricsWarning, match="is damaged"):
        cache.put("a", _VALUES)
    assert _VALUES == cache.get("a", list(_VALUES))


def test_another_programs_database_is_set_aside(cache: AnnotationCache) -> None:
    cache.path.parent.mkdir()
    other = sqlite3.connect(cache.path)
    other.execute("CREATE TABLE annotations (something TEXT)")
    other.close()
    with pytest.warns(MetricsWarning, match="is damaged"):
        cache.put("a", {"x": b"1"})
    assert {"x": b"1"} == cache.get("a", ["x"])


def test_a_flipped_byte_never_yields_a_wrong_annotation(cache: AnnotationCache) -> None:
    values = dict(list(_VALUES.items())[:60])
    cache.put("annotator one", values)
    cache.put("annotator two", dict.fromkeys(values, b"another"))
    content = cache.path.read_bytes()
    chance = random.Random(1)
    for _ in range(100):
        changed = bytearray(content)
        changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        cache.path.write_bytes(changed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MetricsWarning)
            found = cache.get("annotator one", list(values))
            assert found.items() <= values.items()
            cache.put("annotator one", values)
            exported = [row for row in _tried(cache) if row[0] == "annotator one"]
        assert {value for _, _, value in exported} <= set(values.values())
        for aside in cache.path.parent.glob("*.damaged-*"):
            aside.unlink()


def _tried(cache: AnnotationCache) -> list[tuple[str, str, bytes]]:
    try:
        return list(cache.entries())
    except InputError:
        return []


def test_a_folder_that_cannot_be_made_is_an_input_error() -> None:
    cache = AnnotationCache(Path("/proc/nowhere/annotations.sqlite3"))
    with pytest.raises(InputError, match=r"cannot be used: .* CXR_HARNESS_CACHE"):
        cache.put("a", {"x": b"1"})


def test_a_file_in_the_folders_place_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = AnnotationCache(tmp_path / "file" / "annotations.sqlite3")
    with pytest.raises(InputError, match=r"cannot be used: .* CXR_HARNESS_CACHE"):
        cache.put("a", {"x": b"1"})


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_is_an_input_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be used: Permission denied"):
        AnnotationCache(tmp_path / "annotations.sqlite3").put("a", {"x": b"1"})


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_an_input_error_and_loses_nothing(cache: AnnotationCache) -> None:
    cache.put("a", {"x": b"1"})
    large = {str(i): random.Random(i).randbytes(4_000) for i in range(100)}
    with (
        _largest_file(65_536),
        pytest.raises(InputError, match=r"cannot be used: .*Free space on its disk"),
    ):
        cache.put("a", large)
    assert {"x": b"1"} == cache.get("a", ["x", "0"])
    cache.put("a", large)
    assert {"a": 101} == cache.counts()


def test_a_file_held_by_another_process_is_no_damage(
    cache: AnnotationCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.put("a", {"x": b"1"})
    monkeypatch.setattr("metrics.cache._BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(cache.path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(InputError, match="Another process holds it"):
        cache.get("a", ["x"])
    holder.execute("ROLLBACK")
    holder.close()
    assert {"x": b"1"} == cache.get("a", ["x"])
