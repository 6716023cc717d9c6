"""Read the reports of MIMIC-CXR one by one, from their zip file or from the unpacked folder."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.errors import InputError
from metrics.files.text_lines import opened

_NAME = re.compile(r"(?:^|/)(p\d+)/(s\d+)\.txt$")
_STUDY_FOLDER = re.compile(r"s\d+")
_FALLBACK = "windows-1252"
_MAX_BYTES = 1_000_000
"""Far above any report, far below a line of studies that is still read."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report as its file holds it; ``is_utf8`` says whether it was UTF-8, as it should be."""

    subject_id: str
    study_id: str
    text: str
    is_utf8: bool


def read_reports(path: Path) -> Iterator[Report]:
    """Yield every report of ``mimic-cxr-reports.zip`` or of a folder with ``p10/p10000032/s….txt``.

    Where a file is not in UTF-8, it is read as Windows-1252. Line ends become newlines.

    Raises
    ------
    InputError
        If there is no such file or folder, it holds no reports, or it cannot be read.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist. Name mimic-cxr-reports.zip or its folder.")
    is_empty = True
    for name, content in _in_folder(path) if path.is_dir() else _in_zip(path):
        is_empty = False
        found = _NAME.search(name)
        if found:
            text, is_utf8 = _decoded(content)
            yield Report(found[1], found[2], text, is_utf8)
    if is_empty:
        raise InputError(
            f"{path} holds no reports, such as files/p10/p10000032/s50414267.txt. Name "
            "mimic-cxr-reports.zip or the folder that it was unpacked to."
        )


def _in_zip(path: Path) -> Iterator[tuple[str, bytes]]:
    with opened(path, uncompress=False) as source:
        try:
            with zipfile.ZipFile(source) as archive:
                for entry in archive.infolist():
                    if _NAME.search(entry.filename):
                        with archive.open(entry) as file:
                            yield entry.filename, _read(file, f"{path}, {entry.filename}")
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise InputError(
                f"{path} is no whole zip file ({error}). Download it again."
            ) from error
        except (NotImplementedError, RuntimeError) as error:
            raise InputError(
                f"{path} is encrypted, or packed as Python cannot unpack it. Unpack it, and name "
                "the folder."
            ) from error


def _in_folder(path: Path) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    for folder, below, files in os.walk(path, onerror=_refuse, followlinks=True):
        # a link may lead to where the walk has been
        if (real := os.path.realpath(folder)) in seen:
            below.clear()
            continue
        seen.add(real)
        # images lie in a folder for each study, beside its report
        below[:] = sorted(name for name in below if not _STUDY_FOLDER.fullmatch(name))
        for name in sorted(files):
            file = f"{folder}/{name}"
            if _NAME.search(file):
                with opened(Path(file), uncompress=False) as reader:
                    yield file, _read(reader, file)


def _refuse(error: OSError) -> None:
    raise InputError(f"Cannot read {error.filename}: {error.strerror}. Mend this.") from error


def _read(file: IO[bytes], name: str) -> bytes:
    content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise InputError(
            f"{name} is longer than {_MAX_BYTES / 1e6:g} MB, as no report is. Mend it."
        )
    return content


def _decoded(content: bytes) -> tuple[str, bool]:
    try:
        text, is_utf8 = content.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        text, is_utf8 = content.decode(_FALLBACK, errors="replace"), False
    return text.replace("\r\n", "\n").replace("\r", "\n"), is_utf8
