"""All images of a study on one canvas, as Med-CXRGen reads them."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from models.arguments import check_argument
from models.errors import InputError

VIEW_ORDER = (
    "PA", "AP", "LATERAL", "LL", "AP AXIAL", "AP LLD", "AP RLD", "PA RLD", "PA LLD", "LAO", "RAO",
    "LPO", "XTABLE LATERAL", "SWIMMERS", "",
)  # fmt: skip
"""Left to right; the empty view is one that its data set leaves out."""
MOST_IMAGES = 4
GAP_PIXELS = 10


def study_canvas(images: Sequence[Image.Image], views: Sequence[str] = ()) -> Image.Image:
    """Return the images side by side on black, tops aligned, with gaps of 10 pixels.

    They stand in `VIEW_ORDER`, those of one view as given; images of views that are not in it are
    left out, unless that leaves none. Without ``views`` they stand as given. Of more than four,
    the first four of that order are shown: the model was trained on one to four.

    Source: X-iZhang/RRG-BioNLP-ACL2024.

    Raises
    ------
    InputError
        If there is no image, or there are views but not one for each image.
    """
    for name, several in (("images", images), ("views", views)):
        check_argument(name, several, tuple, list)
    for image in images:
        check_argument("An image of the study", image, Image.Image)
    for view in views:
        check_argument("A view of the study", view, str)
    if not images:
        raise InputError("A study without images has no canvas. Give one image or more.")
    if views and len(views) != len(images):
        raise InputError(
            f"There are {len(views)} views for {len(images)} images. Give one for each, or none."
        )
    shown = _ordered(images, views)[:MOST_IMAGES]
    width = sum(image.width for image in shown) + GAP_PIXELS * (len(shown) - 1)
    canvas = Image.new("RGB", (width, max(image.height for image in shown)))
    left = 0
    for image in shown:
        canvas.paste(image, (left, 0))
        left += image.width + GAP_PIXELS
    return canvas


def _ordered(images: Sequence[Image.Image], views: Sequence[str]) -> list[Image.Image]:
    places = {view: place for place, view in enumerate(VIEW_ORDER)}
    named = [view.strip().upper() for view in views]
    known = [row for row, view in enumerate(named) if view in places]
    known.sort(key=lambda row: places[named[row]])
    return [images[row] for row in known] or list(images)
