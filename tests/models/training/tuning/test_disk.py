"""What is said when a disk refuses a checkpoint."""

from __future__ import annotations

import errno
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from models.errors import InputError
from models.training.tuning.disk import writing

TENSORS = {"weight": torch.zeros(100_000)}


@contextmanager
def small_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: torch.save(TENSORS, folder / "a.pth"),
        lambda folder: save_file(TENSORS, folder / "a.safetensors"),
        lambda folder: (folder / "a.bin").write_bytes(bytes(400_000)),
    ],
    ids=["torch", "safetensors", "python"],
)
def test_all_that_write_say_where_and_how_to_go_on(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    with (
        pytest.raises(InputError, match=rf"Cannot write {tmp_path}: .*--resume"),
        writing(tmp_path),
        small_files(),
    ):
        write(tmp_path)


@pytest.mark.parametrize(
    ("code", "advice"), [(errno.ENOSPC, "Free space on its disk"), (errno.EROFS, "writable")]
)
def test_the_advice_is_for_what_the_system_said(tmp_path: Path, code: int, advice: str) -> None:
    with pytest.raises(InputError, match=advice), writing(tmp_path):
        raise OSError(code, "refused")


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError(errno.ENOENT, "no such file"), RuntimeError("shapes"), SafetensorError("?")],
    ids=["unread", "torch", "safetensors"],
)
def test_other_errors_pass(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)), writing(tmp_path):
        raise error
