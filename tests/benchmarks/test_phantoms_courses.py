"""Phantom patients: who they are does not depend on how many, and changes follow from levels."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from benchmarks.phantoms import InputError, Study, generate_patients, generate_split
from benchmarks.phantoms.courses import PROFILES
from benchmarks.phantoms.findings import CHANGES, KINDS, SIDES
from benchmarks.phantoms.randomness import Draws


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    return [study for patient in generate_patients(0, 400) for study in patient.studies]


def _levels(study: Study) -> dict[tuple[str, str], int]:
    return {(seen.finding, seen.side): seen.level for seen in study.observations if seen.level}


def test_a_patient_is_the_same_however_many_are_generated():
    assert list(generate_patients(5, 3)) == list(generate_patients(5, 9))[:3]


def test_another_seed_gives_other_patients():
    findings = [[p.studies[0].findings for p in generate_patients(s, 20)] for s in (0, 1)]
    assert findings[0] != findings[1]


def test_changes_are_the_differences_of_levels(studies):
    for study in studies:
        if study.prior is None:
            continue
        before, now = _levels(study.prior), _levels(study)
        assert set(before) | set(now) == {(o.finding, o.side) for o in study.observations}
        for seen in study.observations:
            old, new = before.get((seen.finding, seen.side), 0), seen.level
            names = {1: "worse", 0: "unchanged", -1: "better"}
            expected = names[int(np.sign(new - old))]
            expected = "new" if not old else "resolved" if not new else expected
            assert expected == seen.change


def test_every_severity_side_and_change_of_every_disease_occurs(studies):
    seen = Counter(
        (o.finding, o.side, value)
        for study in studies
        for o in study.observations
        for value in (o.severity, o.change)
    )
    for name, kind in KINDS.items():
        if kind.device:
            continue
        changes = [c for c in CHANGES if not (kind.lasting and c in ("new", "resolved"))]
        for side in kind.sides:
            for value in (*kind.severities, *changes):
                assert seen[name, side, value] >= 2, (name, side, value)


def test_nothing_is_reported_that_the_image_could_not_show(studies):
    for study in studies:
        present = [seen for seen in study.observations if seen.level]
        for side in SIDES:
            names = {seen.finding: seen for seen in present if seen.side == side}
            if "pneumothorax" in names:
                assert names.keys().isdisjoint(("opacity", "nodule"))
            if "effusion" in names and names["effusion"].level > 1:
                assert "atelectasis" not in names
                assert "opacity" not in names or names["opacity"].detail != "lower"
        for device in ("pacemaker", "central_line"):
            assert sum(seen.finding == device for seen in present) <= 1


def test_about_a_quarter_of_the_studies_have_no_prior_and_some_are_normal(studies):
    without = sum(study.prior is None for study in studies) / len(studies)
    normal = sum(not study.observations for study in studies) / len(studies)
    assert 0.25 <= without <= 0.31
    assert 0.12 <= normal <= 0.30


def test_priors_are_earlier_studies_of_the_same_patient(studies):
    for study in studies:
        if study.prior:
            assert study.prior.day < study.day
            assert study.subject_id == study.prior.subject_id
            assert study.anatomy == study.prior.anatomy


def test_a_split_has_exactly_the_studies_asked_for_and_shares_no_patient():
    chosen = {split: generate_split(0, split, studies=300) for split in ("train", "valid", "test")}
    subjects = {split: {s.subject_id for s in studies} for split, studies in chosen.items()}
    assert {"train": 300, "valid": 300, "test": 300} == {k: len(v) for k, v in chosen.items()}
    assert not subjects["train"] & subjects["test"]
    assert not subjects["train"] & subjects["valid"]
    assert not subjects["valid"] & subjects["test"]


def test_a_split_holds_the_studies_that_generate_patients_gives():
    of_all = [s for p in generate_patients(0, 60) if p.split == "test" for s in p.studies]
    assert of_all[:20] == generate_split(0, "test", studies=20)


def test_intubated_patients_are_examined_in_bed(studies):
    views = {s.exposure.view for s in studies if ("endotracheal_tube", "none") in _levels(s)}
    assert {"AP"} == views


def test_profiles_name_known_findings_only():
    for profile in PROFILES.values():
        assert KINDS.keys() >= {*profile.first, *profile.onset, *profile.paired}
        assert {*KINDS["central_line"].details} >= profile.lines.keys()


def test_wrong_requests_are_refused():
    with pytest.raises(InputError, match="patients"):
        generate_patients(0, 0)
    with pytest.raises(InputError, match="seed"):
        generate_patients(-1, 1)
    with pytest.raises(InputError, match="dev"):
        generate_split(0, "dev", studies=3)
    with pytest.raises(InputError, match="studies"):
        generate_split(0, "test", studies=0)


def test_draws_are_uniform_and_noise_is_nearly_normal():
    draws = Draws(3)
    fractions = np.array([draws.fraction() for _ in range(4000)])
    noise = Draws(4).noise((200, 200))
    assert 0.5 == pytest.approx(fractions.mean(), abs=0.02)
    assert 0 <= fractions.min() <= fractions.max() < 1
    assert 0.0 == pytest.approx(noise.mean(), abs=0.02)
    assert 1.0 == pytest.approx(noise.std(), abs=0.02)


def test_draws_are_the_published_pcg64_stream():
    # numpy's own Generator maps the same raw stream to fractions in the same way.
    assert np.random.Generator(np.random.PCG64(np.random.SeedSequence((7, 8)))).random() == (
        Draws(7, 8).fraction()
    )
