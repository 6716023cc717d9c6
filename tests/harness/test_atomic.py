import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.atomic import write_bytes, write_text
from harness.datasets import write_studies
from harness.errors import InputError
from harness.study import Study


@contextmanager
def _full_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow above ``size`` bytes, as a full disk would."""
    old_limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old_limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old_limits)
        signal.signal(signal.SIGXFSZ, old_handler)


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"old")
    write_text(tmp_path / "a", "né\n")
    assert "né\n".encode() == (tmp_path / "a").read_bytes()
    assert ["a"] == [path.name for path in tmp_path.iterdir()]


def test_a_file_has_the_usual_permissions(tmp_path: Path) -> None:
    write_bytes(tmp_path / "ours", b"")
    (tmp_path / "usual").touch()
    assert (tmp_path / "usual").stat().st_mode == (tmp_path / "ours").stat().st_mode


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert "new" == (tmp_path / "target").read_text()


def test_a_name_of_any_length_that_the_system_takes_is_written(tmp_path: Path) -> None:
    write_text(tmp_path / ("x" * 255), "new")
    assert "new" == (tmp_path / ("x" * 255)).read_text()


def test_a_full_disk_leaves_the_old_file_whole_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with _full_disk(1000), pytest.raises(OSError, match="File too large"):
        write_bytes(path, b"x" * 5000)
    assert b"old" == path.read_bytes()
    assert ["a"] == [entry.name for entry in tmp_path.iterdir()]


def test_studies_on_a_full_disk_are_refused_with_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "studies.jsonl"
    write_studies(path, [Study("old", "old")])
    old = path.read_bytes()
    with _full_disk(1000), pytest.raises(InputError, match=r"Cannot write .*studies.jsonl.*ulimit"):
        write_studies(path, [Study(f"s{i}", f"s{i}") for i in range(200)])
    assert old == path.read_bytes()


def test_a_folder_that_is_not_there_or_closed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "none" / "a", "new")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)  # root may write everywhere
    try:
        with pytest.raises(PermissionError):
            write_text(closed / "a", "new")
    finally:
        os.seteuid(me)


def test_a_folder_in_the_place_of_the_file_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        write_text(tmp_path / "a", "new")
    assert ["a"] == [entry.name for entry in tmp_path.iterdir()]
