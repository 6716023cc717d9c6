"""A study's images stand side by side in the order of their views."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.errors import InputError
from models.images.canvas import VIEW_ORDER, study_canvas


def plain(value: int, width: int = 2, height: int = 2) -> Image.Image:
    return Image.new("RGB", (width, height), (value, value, value))


def values(canvas: Image.Image) -> list[int]:
    """Return the brightness of each image of width 2 on a canvas."""
    return [int(value) for value in np.asarray(canvas)[0, ::12, 0]]


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4))
def test_images_stand_side_by_side_on_black_tops_aligned(sizes: list[tuple[int, int]]) -> None:
    canvas = np.asarray(study_canvas([plain(200, *size) for size in sizes]))
    expected = np.zeros_like(canvas)
    assert (max(h for _, h in sizes), sum(w for w, _ in sizes) + 10 * len(sizes) - 10, 3) == (
        canvas.shape
    )
    left = 0
    for width, height in sizes:
        expected[:height, left : left + width] = 200
        left += width + 10
    np.testing.assert_array_equal(expected, canvas)


def test_one_image_is_its_own_canvas() -> None:
    image = plain(7, 5, 3)
    assert image.tobytes() == study_canvas([image], ["PA"]).tobytes()


def test_views_decide_the_order_and_those_of_one_view_stay_as_given() -> None:
    images = [plain(value) for value in (1, 2, 3, 4)]
    assert [4, 1, 3, 2] == values(study_canvas(images, ["AP", "lateral ", "AP", "PA"]))


def test_without_views_images_stand_as_given() -> None:
    assert [3, 1, 2] == values(study_canvas([plain(value) for value in (3, 1, 2)]))


def test_unknown_views_are_left_out() -> None:
    images = [plain(value) for value in (1, 2, 3)]
    assert [3, 1] == values(study_canvas(images, ["", "OBLIQUE", "PA"]))


def test_when_no_view_is_known_images_stand_as_given() -> None:
    assert [1, 2] == values(study_canvas([plain(1), plain(2)], ["OBLIQUE", "NECK"]))


def test_of_more_than_four_the_first_four_in_order_are_shown() -> None:
    images = [plain(value) for value in (1, 2, 3, 4, 5)]
    assert [1, 2, 3, 4] == values(study_canvas(images))
    assert [5, 4, 3, 2] == values(study_canvas(images, ["LPO", "LL", "LATERAL", "AP", "PA"]))


def test_each_view_has_one_place() -> None:
    assert 15 == len(set(VIEW_ORDER)) == len(VIEW_ORDER)


def test_no_image_or_too_few_views_are_refused() -> None:
    with pytest.raises(InputError, match="without images"):
        study_canvas([])
    with pytest.raises(InputError, match="1 views for 2 images"):
        study_canvas([plain(1), plain(2)], ["PA"])
