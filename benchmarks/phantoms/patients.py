"""Patients and their studies: everything about a phantom but the drawing itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

from benchmarks.phantoms.anatomy import Anatomy, Exposure, draw_anatomy, draw_exposure
from benchmarks.phantoms.context_text import Person, draw_person, write_context
from benchmarks.phantoms.courses import PROFILES, STUDIES_PER_PATIENT, Profile, draw_course
from benchmarks.phantoms.errors import InputError
from benchmarks.phantoms.findings import Observation, truth
from benchmarks.phantoms.randomness import Draws
from benchmarks.phantoms.report_text import write_report

VERSION = 1
"""Goes up whenever the same seed gives other texts or images."""

SPLITS = ("train", "valid", "test")
# By patient number modulo 10: 7 of 10 for training, 1 for validation, 2 for testing.
_SPLIT_CYCLE = tuple(SPLITS[place] for place in (0, 2, 0, 0, 1, 0, 0, 2, 0, 0))
_FIRST_DAY = date(2130, 1, 1)  # clearly no real patient's

# Each purpose has its own stream, so that a change to one leaves the others as they were.
_COURSE, _ANATOMY, _EXPOSURE, _PERSON, _CONTEXT, _REPORT, NOISE = range(7)


@dataclass(frozen=True)
class Study:
    """One synthetic study: what it shows, how it was taken, and its report."""

    study_id: str
    subject_id: str
    split: str
    day: date
    anatomy: Anatomy
    exposure: Exposure
    observations: tuple[Observation, ...]
    context: Mapping[str, str]
    findings: str
    impression: str
    prior: Study | None
    noise_key: tuple[int, ...]

    @property
    def image_path(self) -> str:
        """Where the image stands, from the data set's folder."""
        return f"images/{self.subject_id}/{self.study_id}.png"

    def record(self) -> dict[str, object]:
        """Return the study as a line of studies JSONL, the truth beside it."""
        prior = self.prior
        known = (
            {}
            if prior is None
            else {
                "prior_study_id": prior.study_id,
                "prior_report": prior.findings,
            }
        )
        return {
            "study_id": self.study_id,
            "subject_id": self.subject_id,
            "images": [self.image_path],
            "prior_images": [prior.image_path] if prior else [],
            **known,
            "study_date": self.day.isoformat(),
            "context": dict(self.context),
            "reference": {"findings": self.findings, "impression": self.impression},
            "tags": {"view": self.exposure.view, "split": self.split},
            "truth": truth(self.observations),
        }


@dataclass(frozen=True)
class Patient:
    """A patient and their studies in order of time."""

    subject_id: str
    split: str
    studies: tuple[Study, ...]


def generate_patients(seed: int, patients: int) -> Iterator[Patient]:
    """Yield the first patients of a seed; each one is the same however many are asked for."""
    _check_seed(seed)
    if patients < 1:
        raise InputError(f"patients must be at least 1, got {patients}.")
    return (_generate(seed, number) for number in range(1, patients + 1))


def generate_split(seed: int, split: str, *, studies: int) -> list[Study]:
    """Return exactly so many studies of one split, patient after patient.

    The last patient's later studies are left out where they would be too many.

    >>> [study.study_id for study in generate_split(0, "test", studies=3)][0]
    's00021'
    """
    _check_seed(seed)
    if split not in SPLITS:
        raise InputError(f'There is no split "{split}". Splits are {", ".join(SPLITS)}.')
    if studies < 1:
        raise InputError(f"studies must be at least 1, got {studies}.")
    found: list[Study] = []
    for number in count(1):
        if split_of(number) == split:
            found.extend(_generate(seed, number).studies)
        if len(found) >= studies:
            break
    return found[:studies]


def split_of(number: int) -> str:
    """Return the split of the patient with this number, counted from 1.

    >>> split_of(1), split_of(2), split_of(5)
    ('train', 'test', 'valid')
    """
    return _SPLIT_CYCLE[(number - 1) % len(_SPLIT_CYCLE)]


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise InputError(f"seed must not be negative, got {seed}.")


def _generate(seed: int, number: int) -> Patient:
    key = (seed, number)
    courses = Draws(*key, _COURSE)
    name = courses.weighted({name: profile.weight for name, profile in PROFILES.items()})
    profile = PROFILES[name]
    course = draw_course(profile, courses.weighted(STUDIES_PER_PATIENT), courses)
    person = draw_person(name, Draws(*key, _PERSON))
    anatomy = draw_anatomy(Draws(*key, _ANATOMY))
    day = _FIRST_DAY + timedelta(days=courses.whole(0, 7000))
    studies: list[Study] = []
    for index, observations in enumerate(course, 1):
        if studies:
            day += timedelta(days=courses.whole(*profile.days))
        prior = studies[-1] if studies else None
        studies.append(_study(key, index, day, profile, person, anatomy, observations, prior))
    return Patient(studies[0].subject_id, split_of(number), tuple(studies))


def _study(
    key: tuple[int, int],
    index: int,
    day: date,
    profile: Profile,
    person: Person,
    anatomy: Anatomy,
    observations: tuple[Observation, ...],
    prior: Study | None,
) -> Study:
    number = key[1]
    exposures = Draws(*key, _EXPOSURE, index)
    tubed = any(seen.finding == "endotracheal_tube" and seen.level for seen in observations)
    view = "AP" if tubed or exposures.chance(profile.portable) else "PA"
    findings, impression = write_report(observations, Draws(*key, _REPORT, index))
    return Study(
        study_id=f"s{number:04d}{index}",
        subject_id=f"p{number:04d}",
        split=split_of(number),
        day=day,
        anatomy=anatomy,
        exposure=draw_exposure(view, exposures),
        observations=observations,
        context=write_context(
            person,
            view,
            observations,
            prior.observations if prior else (),
            prior.day if prior else None,
            Draws(*key, _CONTEXT, index),
        ),
        findings=findings,
        impression=impression,
        prior=prior,
        noise_key=(*key, NOISE, index),
    )
