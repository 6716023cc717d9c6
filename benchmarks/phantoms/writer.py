"""Writes a phantom data set: three files of studies, their images and a notice."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.phantoms.errors import InputError
from benchmarks.phantoms.images import check_size, draw
from benchmarks.phantoms.patients import SPLITS, VERSION, Study, generate_patients, generate_split
from benchmarks.phantoms.png import encode_png

_NOTICE = "README.txt"
_TITLE = "Synthetic chest radiographs and reports of cxr-harness"
_OURS = frozenset([_NOTICE, "images", *(f"{split}.jsonl" for split in SPLITS)])


@dataclass(frozen=True)
class Summary:
    """What was written: studies per split, patients, images and the folder."""

    output: Path
    studies: dict[str, int]
    patients: int
    images: int


def write_phantoms(
    output: Path,
    *,
    seed: int,
    patients: int,
    size: int = 96,
    test_studies: int | None = None,
    drawn: Collection[str] = SPLITS,
) -> Summary:
    """Write train.jsonl, valid.jsonl, test.jsonl, images and a notice into ``output``.

    The folder appears complete or not at all, and replaces an earlier data set of ours only.
    ``test_studies`` asks for exactly so many of the test split, however many patients that takes;
    splits that are not in ``drawn`` get no images, only their texts.
    """
    check_size(size)
    _check_replaceable(output)
    if unknown := sorted(set(drawn) - set(SPLITS)):
        raise InputError(f'There is no split "{unknown[0]}". Splits are {", ".join(SPLITS)}.')
    everyone = [study for p in generate_patients(seed, patients) for study in p.studies]
    splits = {split: [s for s in everyone if s.split == split] for split in SPLITS}
    if test_studies is not None:
        splits["test"] = generate_split(seed, "test", studies=test_studies)
    output.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    try:
        images = _write_all(draft, splits, size, drawn)
        _notice(draft, seed, size, splits, drawn)
        draft.chmod(0o755)
        _swap(draft, output)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    subjects = {study.subject_id for studies in splits.values() for study in studies}
    counts = {split: len(studies) for split, studies in splits.items()}
    return Summary(output, counts, len(subjects), images)


def write_image(study: Study, folder: Path, size: int = 96) -> Path:
    """Draw one study below the data set's folder, and return the file's path."""
    path = folder / study.image_path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(draw(study, size)))
    return path


def _write_all(
    folder: Path, splits: dict[str, list[Study]], size: int, drawn: Collection[str]
) -> int:
    (folder / "images").mkdir()
    images = 0
    for split, studies in splits.items():
        lines = (json.dumps(study.record(), ensure_ascii=False) + "\n" for study in studies)
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        for study in studies if split in drawn else ():
            write_image(study, folder, size)
            images += 1
    return images


def _notice(
    folder: Path,
    seed: int,
    size: int,
    splits: dict[str, list[Study]],
    drawn: Collection[str],
) -> None:
    text = f"""{_TITLE}

Everything here is drawn and written by a program (phantoms version {VERSION}, seed {seed},
{size} x {size} pixels). No image or sentence comes from a patient, and nothing here is fit for
medical use.

{_table(splits, drawn)}
Studies JSONL: one study a line; image paths start at this folder. "truth" holds what each image
shows: {{finding: {{side: {{severity, level, change, ...}}}}}}, the change against the prior image.
"""
    (folder / _NOTICE).write_text(text, encoding="utf-8", newline="\n")


def _table(splits: dict[str, list[Study]], drawn: Collection[str]) -> str:
    def line(split: str, studies: Sequence[Study]) -> str:
        images = "with images" if split in drawn else "texts only"
        return f"{split}.jsonl: {len(studies)} studies, {images}\n"

    return "".join(line(split, studies) for split, studies in splits.items())


def _check_replaceable(output: Path) -> None:
    if output.is_symlink() or (output.exists() and not output.is_dir()):
        raise InputError(f"{output} is a file or a link, not a folder. Give another folder.")
    if not output.exists() or not any(output.iterdir()):
        return
    notice = output / _NOTICE
    known = {entry.name for entry in output.iterdir()} <= _OURS
    if not known or not notice.is_file() or not notice.read_bytes().startswith(_TITLE.encode()):
        raise InputError(
            f"{output} holds files that are not a phantom data set. Give an empty or a new folder."
        )


def _swap(draft: Path, output: Path) -> None:
    """Put the finished folder in place; the old one is aside until then."""
    if not output.exists():
        draft.rename(output)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{output.name}-old-", dir=output.parent))
    output.rename(aside)
    try:
        draft.rename(output)
    except OSError:
        aside.rename(output)
        raise
    shutil.rmtree(aside)
