"""Draw the phantoms that a recipe learns from, with what only their generator knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.phantoms import draw, draw_lesions, generate_split
from benchmarks.phantoms.findings import SITES, UNSIDED, Observation
from benchmarks.phantoms.randomness import Draws
from benchmarks.phantoms.report_text import write_report

if TYPE_CHECKING:
    from benchmarks.phantoms import Study
    from models.training.phantom.lessons import Lessons
    from models.training.phantom.recipe import Recipe

T = TypeVar("T")

_SEEN_FROM = 0.3  # a patch shows a finding that covers so much of one of its pixels
_DULL = 0.5  # the weight of a study that shows nothing and changed nothing


class _FirstChoice(Draws):
    """Always the first phrase, and what is likelier: reports in one fixed wording."""

    def pick(self, choices: Sequence[T]) -> T:
        return choices[0]

    def chance(self, probability: float) -> bool:
        return probability >= 0.5


def draw_lessons(
    recipe: Recipe, advance: Callable[[int], None] = lambda studies: None
) -> tuple[Lessons, Lessons]:
    """Return what a recipe learns from, and its validation studies as they come.

    The former are drawn without replacement from the seed's training split, the likelier the more
    of what is rare they show and the more has changed. Their reports are in one fixed wording:
    which of several phrases a report uses cannot be seen in an image, and a model this small would
    spend itself on guessing it. The validation reports keep their own wording. ``advance`` is told
    of every study whose image has been drawn.
    """
    data = recipe.data
    pool = generate_split(data.seed, "train", studies=data.drawn_from)
    chosen = [pool[i] for i in _choice(pool, data.studies, data.seed)]
    plain = [write_report(study.observations, _FirstChoice(0))[0] for study in chosen]
    valid = generate_split(data.valid_seed, "valid", studies=data.valid_studies)
    own = [study.findings for study in valid]
    return _lessons(recipe, chosen, plain, advance), _lessons(recipe, valid, own, advance)


def _choice(pool: Sequence[Study], count: int, seed: int) -> NDArray[np.int64]:
    shown = np.array([[level > 0 for level in _levels(study)] for study in pool])
    rare = (shown / np.sqrt(np.maximum(shown.mean(0), 1 / len(pool)))).sum(1)
    moved = np.array([_moved(study.observations) for study in pool])
    weight = rare / rare.mean() + moved + _DULL
    share = weight / weight.sum()
    drawn = np.random.default_rng(seed).choice(len(pool), count, replace=False, p=share)
    return np.sort(drawn)


def _moved(observations: Sequence[Observation]) -> int:
    return sum(seen.change not in (None, "unchanged") for seen in observations)


def _lessons(
    recipe: Recipe,
    studies: Sequence[Study],
    reports: Sequence[str],
    advance: Callable[[int], None],
) -> Lessons:
    from models.training.phantom.lessons import Lessons

    priors = [study.prior for study in studies if study.prior is not None]
    shown = list({study.study_id: study for study in [*studies, *priors]}.values())
    place = {study.study_id: i for i, study in enumerate(shown)}
    size, patch = recipe.tower.image_size, recipe.tower.patch_size
    patches = (size // patch) ** 2
    images = np.zeros((len(shown), size, size), np.uint8)
    coverage = np.zeros((len(shown), patches, len(SITES)), np.float16)
    present = np.zeros(coverage.shape, np.bool_)
    for i, study in enumerate(shown):
        images[i] = draw(study, size)
        for site, mask in draw_lesions(study, size).items():
            cells = _cells(mask, patch)
            coverage[i, :, SITES.index(site)] = cells.mean(1)
            present[i, :, SITES.index(site)] = cells.max(1) > _SEEN_FROM
        if i < len(studies):
            advance(1)
    return Lessons(
        images=images,
        levels=np.array([_levels(study) for study in shown], np.int8),
        coverage=coverage,
        present=present,
        current=np.array([place[study.study_id] for study in studies]),
        prior=np.array([place[s.prior.study_id] if s.prior else -1 for s in studies]),
        reports=list(reports),
        statements=[[_in_words(seen) for seen in study.observations] for study in studies],
    )


def _levels(study: Study) -> list[int]:
    levels = {(seen.finding, seen.side): seen.level for seen in study.observations}
    return [levels.get(site, 0) for site in SITES]


def _cells(mask: NDArray[np.float64], patch: int) -> NDArray[np.float64]:
    """Return the pixels of each patch, ``[patches, pixels]``, rows of patches first."""
    side = len(mask) // patch
    return mask.reshape(side, patch, side, patch).transpose(0, 2, 1, 3).reshape(side * side, -1)


def _in_words(seen: Observation) -> str:
    side = "" if seen.side == UNSIDED else seen.side
    words = [side, seen.detail, seen.finding.replace("_", " "), seen.severity, seen.change or ""]
    return " ".join(word for word in words if word)
