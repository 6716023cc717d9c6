"""Images of studies as the report shows them."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.scoring import Scored, SystemTexts, count_systems, judge
from harness.scoring_plan import ScoringPlan
from harness.study import Study
from harness.study_views import study_views
from metrics.scoring import Resampling
from tests.models.images.dicom_files import dx, gradient, saved

BRIGHT = 200


def scored(images: list[str]) -> Scored:
    studies = [
        Study(f"s{i}", f"s{i}", reference={"findings": "Clear."}, current_image=name)
        for i, name in enumerate(images)
    ]
    n = len(studies)
    systems = {"a": SystemTexts(["Clear."] * n, ["stop"] * n, ["real"] * n)}
    plan = ScoringPlan(metrics=["bleu_1"], resampling=Resampling(resamples=2))
    return judge(studies, systems, count_systems(studies, systems, plan), plan, name="test")


def shown(folder: Path, images: list[str]) -> tuple[list[Image.Image], str]:
    views, note = study_views(scored(images), folder)
    uris = [uri for view in views for _, uri in view.images]
    content = [base64.b64decode(uri.partition(",")[2]) for uri in uris]
    return [Image.open(io.BytesIO(one)) for one in content], note


def test_8_and_16_bit_files_and_dicom_are_shown_alike(tmp_path: Path) -> None:
    pixels = gradient(8, 100, 120)
    Image.fromarray(pixels).save(tmp_path / "8.png")
    Image.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / "16.png")
    saved(dx(pixels, 8), tmp_path / "x.dcm")
    images, note = shown(tmp_path, ["8.png", "16.png", "x.dcm"])
    assert "" == note
    assert 3 == len(images)
    for image in images:
        np.testing.assert_allclose(pixels, np.asarray(image), atol=6)


def test_images_are_made_small(tmp_path: Path) -> None:
    Image.new("L", (800, 400), BRIGHT).save(tmp_path / "large.png")
    assert (320, 160) == shown(tmp_path, ["large.png"])[0][0].size


@pytest.mark.parametrize("name", ["gone.png", "text.png", "text.dcm"])
def test_images_that_cannot_be_read_are_counted(name: str, tmp_path: Path) -> None:
    Image.new("L", (8, 8), BRIGHT).save(tmp_path / "good.png")
    for text in ("text.png", "text.dcm"):
        (tmp_path / text).write_text("no image")
    images, note = shown(tmp_path, ["good.png", name])
    assert 1 == len(images)
    assert "1 images are not there or cannot be shown." == note
