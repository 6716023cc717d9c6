"""Make studies of MIMIC-CXR: tables, images and reports joined, with a reason for every loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from harness.datasets.context_text import SECTIONS
from harness.datasets.outcomes import Outcomes, check_output, write_outcomes
from harness.datasets.progress import Progress, silent
from harness.errors import InputError
from harness.mimic import image_files, prior_difference, report_sections, tables
from harness.mimic.current_images import current_images
from harness.mimic.image_files import image_folder, image_paths
from harness.mimic.priors import Method, pair_priors
from harness.mimic.report_sections import WantedSections, read_sections
from harness.mimic.section_names import Rules
from harness.mimic.tables import read_images, subjects_of
from harness.mimic.views import Views
from harness.study import Study
from harness.suggest import suggestion

if TYPE_CHECKING:
    import pandas as pd

MEANINGS = {
    **tables.MEANINGS,
    **image_files.MEANINGS,
    "no_frontal": "the study has no frontal image (PA or AP), and only those were asked for",
    **report_sections.MEANINGS,
    **prior_difference.MEANINGS,
}


@dataclass(frozen=True)
class Choices:
    """How studies are made of the raw data."""

    rules: Rules = "libra"
    priors: Method = "published"
    views: Views = "all"
    section: WantedSections = "findings"

    def __post_init__(self) -> None:
        """Refuse what is not among the choices, before anything is read."""
        for name, known in (
            ("rules", Rules),
            ("priors", Method),
            ("views", Views),
            ("section", WantedSections),
        ):
            value = getattr(self, name)
            if value not in get_args(known):
                raise InputError(
                    f"{name} cannot be {value!r}. {suggestion(value, get_args(known))}"
                )


def prepare_mimic_cxr(
    reports: Path,
    metadata: Path,
    splits: Path,
    output: Path,
    images: Path | None = None,
    choices: Choices = Choices(),
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the studies of MIMIC-CXR, and return the report of what was kept and dropped.

    Parameters
    ----------
    reports
        ``mimic-cxr-reports.zip``, or the folder that it was unpacked to.
    metadata, splits
        ``mimic-cxr-2.0.0-metadata.csv.gz`` and ``mimic-cxr-2.0.0-split.csv.gz``.
    output
        A file ``….jsonl``, or a folder with a file for each split.
    images
        The folder of the images (JPG or DICOM), to leave out those that are not there; None takes
        all as there, as JPG.
    choices
        Rules of sections, method of priors, views, and the section that a study must have.
    progress
        Shows how many reports have been read.

    Raises
    ------
    InputError
        If an input is wrong, or no study is left.
    """
    check_output(output)
    outcomes = Outcomes(MEANINGS)
    frame = read_images(metadata, splits, outcomes)
    n_images = len(frame)
    folder = None if images is None else image_folder(images)
    frame = _with_files(frame, folder, outcomes)
    for method in ("published", "strict"):
        frame[method] = _priors(frame, method, choices.views)
    current = current_images(frame, choices.views)
    without = frame[~frame["study_id"].isin(current["study_id"])].drop_duplicates("study_id")
    outcomes.drop("no_frontal", subjects_of(without))
    owners = dict(zip(frame["study_id"], frame["subject_id"], strict=True))
    lost = {one.study_id for records in outcomes.dropped.values() for one in records}
    with progress("reading reports", len(owners)) as advance:
        texts = read_sections(reports, owners, lost, choices.rules, outcomes, advance)
    current = report_sections.keep_reported(current, texts, choices.section, outcomes)
    differences = prior_difference.note_differences(current, frame, outcomes)
    studies = list(_studies(current, frame, texts.sections, choices))
    facts = {
        "command": "data mimic-cxr",
        "settings": {
            "reports": str(reports),
            "metadata": str(metadata),
            "splits": str(splits),
            "images": None if folder is None else str(folder),
            **vars(choices),
        },
        "found": {
            "studies": len(studies) + sum(map(len, outcomes.dropped.values())),
            "images": n_images,
            "reports": texts.n_reports,
        },
        "priors": differences,
    }
    return write_outcomes(output, studies, outcomes, facts)


def _with_files(frame: pd.DataFrame, folder: Path | None, outcomes: Outcomes) -> pd.DataFrame:
    frame = frame.assign(image=image_paths(frame, folder))
    there = frame["image"].notna()
    left = frame[there].reset_index(drop=True)
    gone = frame[~frame["study_id"].isin(left["study_id"])]
    outcomes.drop("no_image_file", subjects_of(gone.drop_duplicates("study_id")))
    missing = frame[~there & frame["study_id"].isin(left["study_id"])]
    outcomes.note("image_file_missing", subjects_of(missing, with_images=True))
    return left


def _priors(frame: pd.DataFrame, method: Method, views: Views) -> pd.Series:
    """Return the prior of every image; none crosses the splits."""
    import pandas as pd

    splits = frame.groupby("split", sort=False)
    priors: pd.Series = pd.concat([pair_priors(part, method, views) for _, part in splits])
    return priors.reindex(frame.index)


def _studies(
    current: pd.DataFrame,
    frame: pd.DataFrame,
    sections: Mapping[str, Mapping[str, str]],
    choices: Choices,
) -> Iterator[Study]:
    study_of = dict(zip(frame["image"], frame["study_id"], strict=True))
    wanted = choices.section.split("+")
    for row in current.to_dict("records"):
        text = sections[row["study_id"]]
        prior = row[choices.priors]
        prior_study = None if prior is None else study_of[prior]
        earlier = sections.get(prior_study or "", {})
        parts = [earlier[name] for name in wanted if name in earlier]
        yield Study(
            sample_id=row["study_id"],
            study_id=row["study_id"],
            subject_id=row["subject_id"],
            images=row["images"],
            image_views=row["views"],
            current_image=row["image"],
            prior_images=() if prior is None else (prior,),
            context={name: text[name] for name in SECTIONS if text.get(name)},
            reference={name: text[name] for name in ("findings", "impression") if name in text},
            tags={"view": row["ViewPosition"] or "unknown"},
            prior_study_id=prior_study,
            prior_report=" ".join(parts) or None,
            study_date=_iso(row["StudyDate"]),
            split=row["split"],
        )


def _iso(date: float) -> str | None:
    """Return 21800506 as 2180-05-06."""
    if date != date:
        return None
    digits = f"{int(date):08}"
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
