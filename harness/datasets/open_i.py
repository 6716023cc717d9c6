"""IU X-ray: reports of Open-I's collection (XML) or ReXrank's lists (JSON) to studies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from harness.datasets import rexrank
from harness.datasets.context_text import SECTIONS
from harness.datasets.outcomes import Outcomes, Subject, check_output, write_outcomes
from harness.datasets.source import Source
from harness.errors import InputError
from harness.mimic.image_files import is_there
from harness.study import Study
from metrics.files.text_lines import opened

_SPLITS = ("train", "valid", "test")
_REXRANK = "ReXRank_IUXray_"
_REPORT_SECTIONS = ("findings", "impression")

MEANINGS = {
    "broken_file": "the file is no XML of a report",
    "no_findings": "the report has no findings, or they are empty",
    "no_image": "the report names no image, or the file of each is missing or empty",
    "image_file_missing": "the image's file is missing or empty; the image is left out",
    "study_repeated": "a study of this id occurs before; the first counts",
}


def prepare_iu_xray(reports: Path, output: Path, images: Path | None = None) -> dict[str, Any]:
    """Write the studies of IU X-ray, and return the report of what was kept and dropped.

    Parameters
    ----------
    reports
        Open-I's folder ``ecgen-radiology`` (one XML file for each report; it knows no splits), or
        ReXrank's JSON: a file, or a folder with ``ReXRank_IUXray_test.json`` (or ``test.json``) and
        the other splits.
    output
        A file ``….jsonl``; with ReXrank's lists also a folder with a file for each split.
    images
        The folder that image paths start at, to leave out images that are not there (for Open-I
        ``NLMCXR_png``); None takes all as there.

    Raises
    ------
    InputError
        If an input is wrong, or no study is left.
    """
    check_output(output)
    if images is not None and not images.is_dir():
        raise InputError(f"There is no folder {images}. Name the folder of the images.")
    outcomes = Outcomes(MEANINGS)
    lists = _lists(reports)
    found = list(_of_lists(lists) if lists else _of_open_i(reports, outcomes))
    broken = len(outcomes.dropped.get("broken_file", ()))
    studies = list(_kept(found, images, outcomes))
    facts = {
        "command": "data iu-xray",
        "settings": {
            "reports": str(reports),
            "layout": "rexrank" if lists else "open-i",
            "images": None if images is None else str(images),
        },
        "found": {"studies": len(found) + broken},
    }
    return write_outcomes(output, studies, outcomes, facts)


def _lists(reports: Path) -> dict[str, Path]:
    """Return ReXrank's list of each split; none where the reports are Open-I's."""
    if reports.is_file():
        split = next((name for name in _SPLITS if reports.stem.lower().endswith(name)), "")
        return {split: reports}
    names = ((split, (f"{_REXRANK}{split}.json", f"{split}.json")) for split in _SPLITS)
    files = ((split, reports / name) for split, either in names for name in either)
    found = {split: file for split, file in files if file.is_file()}
    return found


def _of_lists(lists: dict[str, Path]) -> Iterator[Study]:
    for split, path in lists.items():
        for study in rexrank.read(Source(path)):
            yield replace(study, split=study.split or split or None)


def _of_open_i(reports: Path, outcomes: Outcomes) -> Iterator[Study]:
    files = sorted(reports.rglob("*.xml"), key=lambda file: (len(file.stem), file.stem))
    if not files:
        raise InputError(
            f"{reports} holds neither Open-I's reports (ecgen-radiology/1.xml, …) nor ReXrank's "
            f"lists ({_REXRANK}test.json). Name the folder that does."
        )
    for file in files:
        with opened(file) as reader:
            content = reader.read()
        try:
            # expat itself bounds what entities may grow to
            document = ElementTree.fromstring(content)  # noqa: S314
        except (ElementTree.ParseError, ValueError, LookupError):
            # the last two: the encoding that it names is none, or not its own
            outcomes.drop("broken_file", [Subject(f"CXR{file.stem}")])
            continue
        yield _study(document, file)


def _study(document: ElementTree.Element, file: Path) -> Study:
    identity = document.find("uId")
    study = (identity.get("id") if identity is not None else None) or f"CXR{file.stem}"
    texts = {
        (part.get("Label") or "").lower(): " ".join("".join(part.itertext()).split())
        for part in document.iter("AbstractText")
    }
    names = (image.get("id") for image in document.iter("parentImage"))
    images = tuple(f"{name}.png" for name in names if name)
    return Study(
        sample_id=study,
        study_id=study,
        subject_id=study,  # the collection has one report for each patient
        images=images,
        current_image=images[0] if images else None,
        prior_images=(),
        context={name: texts[name] for name in SECTIONS if texts.get(name)},
        reference={name: texts[name] for name in _REPORT_SECTIONS if texts.get(name)},
        file=str(file),
    )


def _kept(found: list[Study], folder: Path | None, outcomes: Outcomes) -> Iterator[Study]:
    seen: set[str] = set()
    for study in found:
        subject = Subject(study.study_id, study.subject_id or "", study.split or "")
        there = [image for image in study.images if folder is None or is_there(folder / image)]
        if study.sample_id in seen:
            outcomes.drop("study_repeated", [subject])
        elif not str(study.reference.get("findings", "")).strip():
            outcomes.drop("no_findings", [subject])
        elif not there:
            outcomes.drop("no_image", [subject])
        else:
            gone = [image for image in study.images if image not in there]
            outcomes.note("image_file_missing", [replace(subject, sample=name) for name in gone])
            yield _with_images(study, there)
        seen.add(study.sample_id)


def _with_images(study: Study, images: list[str]) -> Study:
    views = dict(zip(study.images, study.image_views, strict=False))
    current = study.current_image if study.current_image in images else images[0]
    tags = {**study.tags, "view": views[current]} if current in views else study.tags
    return replace(
        study,
        images=tuple(images),
        image_views=tuple(views[image] for image in images) if study.image_views else (),
        current_image=current,
        tags=tags,
    )
