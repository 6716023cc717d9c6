from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.phantoms.findings import CHANGES as PHANTOM_CHANGES
from benchmarks.phantoms.findings import change_between
from models.errors import InputError
from models.training.phantom.lessons import CHANGES, change_codes
from tests.models.training.phantom.tiny_recipe import RECIPE, lessons

LESSONS, VALID = lessons()


@given(st.integers(0, 3), st.integers(0, 3))
def test_changes_are_those_that_the_phantoms_tell(before: int, now: int) -> None:
    wanted = change_between(before, now) if before or now else "none"
    assert wanted == CHANGES[int(change_codes(np.array(now), np.array(before)))]


def test_every_change_of_a_phantom_has_a_code() -> None:
    assert set(PHANTOM_CHANGES) == set(CHANGES) - {"none"}


def test_lessons_are_as_many_as_the_recipe_asks_for() -> None:
    assert (RECIPE.data.studies, RECIPE.data.valid_studies) == (len(LESSONS), len(VALID))


def test_a_patch_shows_a_finding_only_where_the_image_has_it() -> None:
    present = LESSONS.present.any(1)
    assert not (present & (LESSONS.levels == 0)).any()


def test_what_a_finding_covers_is_a_share_of_the_patch() -> None:
    assert 0 == LESSONS.coverage.min()
    assert 0.5 < LESSONS.coverage.max() <= 1


def test_the_reports_to_learn_have_one_wording() -> None:
    hearts = [report for report in LESSONS.reports if "Heart size is normal." in report]
    assert hearts
    assert not any("within normal limits" in report for report in LESSONS.reports)


def test_drawing_again_gives_the_same_lessons() -> None:
    again, _ = lessons()
    assert np.array_equal(LESSONS.images, again.images)
    assert list(LESSONS.reports) == list(again.reports)


def test_a_study_without_a_prior_has_the_current_image_in_its_place() -> None:
    first = ~LESSONS.has_prior
    assert first.any()
    assert np.array_equal(LESSONS.current[first], LESSONS.prior_or_current[first])


def test_targets_of_another_number_of_images_are_refused() -> None:
    with pytest.raises(InputError, match="targets or places of other numbers"):
        replace(LESSONS, levels=LESSONS.levels[1:])


def test_places_of_images_that_are_not_there_are_refused() -> None:
    with pytest.raises(InputError, match=f"places outside their {len(LESSONS.images)} images"):
        replace(LESSONS, prior=LESSONS.prior + len(LESSONS.images))


def test_every_part_of_lessons_moves_their_digest() -> None:
    flat = LESSONS.images.copy()
    flat[0, 0, 0] ^= 1
    others = [
        replace(LESSONS, images=flat),
        replace(LESSONS, prior=np.full_like(LESSONS.prior, -1)),
        replace(LESSONS, reports=list(reversed(LESSONS.reports))),
    ]
    assert 4 == len({lessons.digest() for lessons in (LESSONS, *others)})
