"""Images of phantoms show the findings, on their side and by their size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.phantoms import InputError, Study, draw, draw_lesions, generate_patients
from benchmarks.phantoms.findings import KINDS, SIDES, SITES, Observation

_DISEASES = [site for site in SITES if not KINDS[site[0]].device]
_DEVICES = [site for site in SITES if KINDS[site[0]].device]


@pytest.fixture(scope="module")
def healthy() -> list[Study]:
    """Studies of four patients with what they have taken away."""
    patients = list(generate_patients(2, 4))
    return [replace(patient.studies[0], observations=()) for patient in patients]


def _with(study: Study, finding: str, side: str, level: int, detail: str = "") -> Study:
    detail = detail or KINDS[finding].details[-1]
    return replace(study, observations=(Observation(finding, side, level, None, detail, 5),))


def _difference(study: Study, finding: str, side: str, level: int, detail: str = ""):
    ill = draw(_with(study, finding, side, level, detail)).astype(int)
    return ill - draw(study).astype(int)


def _half(image: np.ndarray, side: str) -> np.ndarray:
    middle = image.shape[1] // 2
    return image[:, :middle] if side == "right" else image[:, middle:]


@pytest.mark.parametrize(("finding", "side"), _DISEASES)
def test_more_of_a_finding_changes_more_of_the_image(healthy, finding, side):
    for study in healthy:
        by_level = [np.abs(_difference(study, finding, side, n)).sum() for n in (1, 2, 3)]
        assert by_level == sorted(by_level)
        assert by_level[0] > 1000  # grey values, of 96 x 96 pixels
        assert by_level[1] > 1.15 * by_level[0]
        assert by_level[2] > 1.15 * by_level[1]


@pytest.mark.parametrize("finding", ["effusion", "opacity", "atelectasis", "nodule"])
@pytest.mark.parametrize("side", SIDES)
def test_dense_findings_brighten_their_side_and_leave_the_other(healthy, finding, side):
    other = "left" if side == "right" else "right"
    for study in healthy:
        change = _difference(study, finding, side, 2)
        assert _half(change, side).sum() > 1000
        assert abs(_half(change, other).sum()) < 0.05 * _half(change, side).sum()


@pytest.mark.parametrize("side", SIDES)
def test_a_pneumothorax_darkens_the_rim_and_draws_the_pleura_bright(healthy, side):
    for study in healthy:
        change = _difference(study, "pneumothorax", side, 2)
        lucent = draw_lesions(_with(study, "pneumothorax", side, 2))["pneumothorax", side] > 0.9
        assert np.median(change[lucent]) < -15
        assert np.sort(change[~lucent])[-15:].min() > 25


def test_edema_brightens_both_lungs(healthy):
    for study in healthy:
        change = _difference(study, "edema", "none", 2)
        assert all(_half(change, side).sum() > 3000 for side in SIDES)


def test_cardiomegaly_widens_the_heart_on_either_view(healthy):
    for view in ("PA", "AP"):
        for study in healthy:
            taken = replace(study, exposure=replace(study.exposure, view=view))
            widths = [
                (draw_lesions(_with(taken, "cardiomegaly", "none", level)))["cardiomegaly", "none"]
                .max(axis=0)
                .sum()
                for level in (1, 2, 3)
            ]
            assert widths[0] < widths[1] - 2 < widths[2] - 4


@pytest.mark.parametrize(("finding", "side"), _DEVICES)
def test_devices_are_bright(healthy, finding, side):
    for study in healthy:
        for detail in KINDS[finding].details:
            change = _difference(study, finding, side, 1, detail)
            assert np.sort(change.ravel())[-20:].min() > 25


@pytest.mark.parametrize("zone", ["upper", "mid", "lower"])
def test_opacities_lie_in_their_zone(healthy, zone):
    rows = []
    for study in healthy:
        mask = draw_lesions(_with(study, "opacity", "right", 2, zone))["opacity", "right"]
        rows.append((mask.sum(axis=1) * np.arange(96)).sum() / mask.sum() / 96)
    expected = {"upper": 0.29, "mid": 0.48, "lower": 0.61}[zone]
    assert expected == pytest.approx(np.mean(rows), abs=0.06)


def test_masks_lie_where_the_image_changes(healthy):
    study = _with(healthy[0], "opacity", "left", 3)
    mask = draw_lesions(study)["opacity", "left"]
    change = _difference(healthy[0], "opacity", "left", 3)
    assert 0 <= mask.min() <= mask.max() <= 1
    assert np.abs(change[mask == 0]).max() <= 1
    assert change[mask > 0.8].mean() > 60


def test_studies_of_one_patient_look_more_alike_than_those_of_two():
    patients = [p for p in generate_patients(3, 60) if len(p.studies) > 1][:25]
    pairs = [[draw(study).astype(float) for study in p.studies[:2]] for p in patients]
    flat = np.array([[image.ravel() for image in pair] for pair in pairs])
    similar = np.corrcoef(flat[:, 0], flat[:, 1])[: len(pairs), len(pairs) :]
    ranks = (similar >= np.diag(similar)[:, None]).sum(axis=1)
    assert np.mean(ranks) < 5  # of 25; 13 by chance


def test_the_same_study_has_the_same_geometry_at_any_size(healthy):
    small, large = (draw(healthy[0], size).astype(float) for size in (64, 128))
    shrunk = large.reshape(64, 2, 64, 2).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), shrunk.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("size", [0, 31, 4096])
def test_sizes_that_show_nothing_are_refused(healthy, size):
    with pytest.raises(InputError, match="size"):
        draw(healthy[0], size)
