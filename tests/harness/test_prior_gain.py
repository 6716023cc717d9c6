"""What the prior image is worth, against the definition written longhand."""

import json
import math
from typing import Any

import numpy as np
import pytest

from harness.prior_gain import gains_json, prior_counts, prior_gains, prior_pairs
from harness.scoring import SystemTexts, count_systems, judge
from harness.scoring_plan import ScoringPlan
from harness.study import Study
from metrics.comparison import compare_tally
from metrics.scoring import Resampling, Tally
from metrics.statistics import holm
from reports.report_data import PriorGain

PATIENTS, N = 40, 120
RESAMPLES, SEED = 200, 3
CHANGES = ("improved", "increased", "unchanged")


def _studies(with_prior: float = 0.7) -> list[Study]:
    draw = np.random.default_rng(0)
    return [
        Study(
            f"s{i}",
            f"s{i}",
            subject_id=f"p{draw.integers(PATIENTS)}",
            prior_images=["p.png"] if draw.random() < with_prior else [],
            reference={"findings": f"The left effusion is {draw.choice(CHANGES)}."},
        )
        for i in range(N)
    ]


def _texts(studies: list[Study], accuracy: float, seed: int) -> SystemTexts:
    draw = np.random.default_rng(seed)
    said = [
        study.reference["findings"]
        if draw.random() < accuracy
        else f"The left effusion is {draw.choice(CHANGES)}."
        for study in studies
    ]
    return SystemTexts(said, ["stop"] * N, ["real"] * N)  # type: ignore[arg-type]


STUDIES = _studies()
PLAN = ScoringPlan(
    metrics=["bleu4", "temporal_direction_f1", "prior_hallucination"],
    resampling=Resampling(RESAMPLES, 0.9, "percentile", SEED),
)
SYSTEMS = {
    "m": _texts(STUDIES, 0.8, 1),
    "m@dummy": SystemTexts(_texts(STUDIES, 0.2, 2).predictions, ["stop"] * N, ["dummy"] * N),
    "m@shuffled": _texts(STUDIES, 0.3, 3),
    "other": _texts(STUDIES, 0.5, 4),
}


@pytest.fixture(scope="module")
def counted() -> Tally:
    return count_systems(STUDIES, SYSTEMS, PLAN)


@pytest.fixture(scope="module")
def gains(counted: Tally) -> list[PriorGain]:
    return prior_gains(counted, STUDIES, PLAN.resampling)


def _one(gains: list[PriorGain], metric: str, other: str) -> PriorGain:
    (found,) = [g for g in gains if (g.metric, g.other) == (metric, other)]
    return found


def _longhand(counted: Tally, position: int, column: int) -> tuple[Any, Any, Any]:
    """Return real and dummy scores, and the differences of every resample."""
    rows = [i for i, study in enumerate(STUDIES) if study.prior_images]
    reduce = counted.selected[position].metric.reduce
    patients: dict[str | None, list[int]] = {}
    for row in rows:
        patients.setdefault(STUDIES[row].subject_id, []).append(row)
    groups = list(patients.values())
    drawn = np.random.default_rng(SEED).integers(len(groups), size=(RESAMPLES, len(groups)))

    def score(system: str, chosen: list[int]) -> float:
        return float(reduce(counted.statistics[system][position][chosen].sum(axis=0))[column])

    resampled = [[row for unit in line for row in groups[unit]] for line in drawn]
    differences = [score("m", chosen) - score("m@dummy", chosen) for chosen in resampled]
    return score("m", rows), score("m@dummy", rows), differences


@pytest.mark.parametrize("metric", ["bleu4", "temporal_direction_f1"])
def test_difference_and_interval_are_those_of_explicit_resamples(
    counted: Tally, gains: list[PriorGain], metric: str
) -> None:
    position = next(i for i, one in enumerate(counted.selected) if metric in one.columns)
    real, dummy, differences = _longhand(
        counted, position, counted.selected[position].columns[metric]
    )
    found = _one(gains, metric, "dummy")
    assert (real, dummy) == pytest.approx((found.real.score, found.instead.score), abs=1e-12)
    assert real - dummy == pytest.approx(found.difference.difference, abs=1e-12)
    low, high = np.quantile(differences, [0.05, 0.95])
    assert (low, high) == pytest.approx((found.difference.low, found.difference.high), abs=1e-12)
    shifted = np.abs(np.array(differences) - np.mean(differences))
    p = (1 + int((shifted >= abs(real - dummy)).sum())) / (1 + RESAMPLES)
    assert p == pytest.approx(found.difference.p_bootstrap, abs=1e-12)


def test_the_gain_is_what_comparing_the_studies_with_a_prior_alone_gives(
    gains: list[PriorGain],
) -> None:
    rows = [i for i, study in enumerate(STUDIES) if study.prior_images]
    alone = [STUDIES[i] for i in rows]
    systems = {
        name: SystemTexts(*([values[i] for i in rows] for values in vars(texts).values()))
        for name, texts in SYSTEMS.items()
    }
    counted = count_systems(alone, systems, PLAN)
    pairs = [("m", "m@dummy"), ("m", "m@shuffled")]
    expected = compare_tally(counted, pairs=pairs, resamples=RESAMPLES, confidence=0.9, seed=SEED)
    shown = [one for one in expected if not math.isnan(one.difference)]
    assert shown == [g.difference for g in gains if not math.isnan(g.difference.difference)]


def test_the_json_says_all_it_takes_to_quote_a_gain(gains: list[PriorGain]) -> None:
    found = gains_json(gains)
    assert ["m"] == list(found)
    assert ["dummy", "shuffled"] == list(found["m"])
    one = found["m"]["dummy"]["temporal_direction_f1"]
    n = sum(bool(study.prior_images) for study in STUDIES)
    units = len({study.subject_id for study in STUDIES if study.prior_images})
    assert (n, units, 0.9, RESAMPLES, SEED) == tuple(
        one[key] for key in ("n", "n_units", "confidence", "resamples", "seed")
    )
    assert 0.2 < one["low"] < one["difference"] == one["real"] - one["other"] < one["high"]
    assert one["signature"].startswith("temporal_direction|")
    assert ("subject_id", "percentile", True) == (
        one["unit"], one["method"], one["higher_is_better"]
    )  # fmt: skip
    tested = [found["m"][other]["temporal_direction_f1"] for other in ("dummy", "shuffled")]
    p_values = [test["p_randomisation"] for test in tested]
    assert max(p_values) < 0.01
    assert holm(p_values).tolist() == [test["p_holm"] for test in tested]
    # with its real prior shown, no study of these can hallucinate one
    assert None is found["m"]["dummy"]["prior_hallucination"]["difference"]
    assert json.dumps(found, allow_nan=False)


def test_without_resamples_there_is_a_difference_and_no_statement_about_chance(
    counted: Tally,
) -> None:
    found = gains_json(prior_gains(counted, STUDIES, Resampling(resamples=0)))
    one = found["m"]["dummy"]["bleu4"]
    assert one["difference"] == pytest.approx(one["real"] - one["other"])
    unknown = ("low", "high", "p_bootstrap", "p_randomisation", "p_holm")
    assert [None] * 5 == [one[key] for key in unknown]


def test_no_study_with_a_prior_gives_no_gain() -> None:
    studies = _studies(with_prior=0)
    scored = judge(studies, SYSTEMS, count_systems(studies, SYSTEMS, PLAN), PLAN, name="x")
    assert [] == scored.prior_gains
    expected = {"with_prior": 0, "without_prior": N, "unknown": 0, "missing_prior": "dummy"}
    assert expected == prior_counts(studies)
    assert 1 == prior_counts([Study("s", "s")])["unknown"]


def test_pairs_need_the_model_with_its_real_prior() -> None:
    assert {} == prior_pairs(["a@dummy", "b", "c@none"])
    assert {("b", "b@none"): ("b", "none")} == prior_pairs(["a@dummy", "b", "b@none"])


FAILED = [i for i, study in enumerate(STUDIES) if study.prior_images][:9]
"""Rows of studies with a prior that the real mode cannot read."""


def _with_failures(texts: SystemTexts, rows: list[int]) -> SystemTexts:
    said = ["" if i in rows else text for i, text in enumerate(texts.predictions)]
    why = ["error" if i in rows else "stop" for i in range(N)]
    return SystemTexts(said, why, texts.priors)


def _judged(systems: dict[str, SystemTexts]) -> list[PriorGain]:
    return judge(
        STUDIES, systems, count_systems(STUDIES, systems, PLAN), PLAN, name="x"
    ).prior_gains


def test_a_study_that_one_mode_failed_counts_in_no_pair_of_its_model() -> None:
    systems = {**SYSTEMS, "m": _with_failures(SYSTEMS["m"], FAILED)}
    found = _judged(systems)
    rows = [i for i, study in enumerate(STUDIES) if study.prior_images and i not in FAILED]
    alone = [STUDIES[i] for i in rows]
    kept = {
        name: SystemTexts(*([values[i] for i in rows] for values in vars(texts).values()))
        for name, texts in systems.items()
    }
    pairs = [("m", "m@dummy"), ("m", "m@shuffled")]
    counted = count_systems(alone, kept, PLAN)
    expected = compare_tally(counted, pairs=pairs, resamples=RESAMPLES, confidence=0.9, seed=SEED)
    shown = [one for one in expected if not math.isnan(one.difference)]
    assert shown == [g.difference for g in found if not math.isnan(g.difference.difference)]
    assert {(len(rows), 9)} == {(g.n, g.left_out) for g in found}
    one = gains_json(found)["m"]["shuffled"]["bleu4"]
    assert (9, len(rows)) == (one["left_out"], one["n"])


def test_failures_of_the_real_mode_alone_make_no_gain() -> None:
    same = SYSTEMS["m"]
    dummy = SystemTexts(same.predictions, ["stop"] * N, ["dummy"] * N)
    found = _judged({"m": _with_failures(same, FAILED), "m@dummy": dummy})
    assert 0.0 == _one(found, "bleu4", "dummy").difference.difference


def test_one_models_failures_leave_another_models_studies_alone(
    gains: list[PriorGain],
) -> None:
    renamed = {
        name.replace("m", "b", 1): texts for name, texts in SYSTEMS.items() if name[0] == "m"
    }
    systems = {**SYSTEMS, **renamed, "b@dummy": _with_failures(renamed["b@dummy"], FAILED)}
    found = _judged(systems)
    assert {("m", 0), ("b", 9)} == {(g.model, g.left_out) for g in found}
    before = {(g.metric, g.other): g.difference for g in gains}
    for gain in found:
        if gain.model == "m" and not math.isnan(gain.difference.difference):
            alone = before[gain.metric, gain.other]
            assert alone.difference == gain.difference.difference
            assert (alone.low, alone.high) == (gain.difference.low, gain.difference.high)
            assert alone.p_randomisation == gain.difference.p_randomisation
    four = [g.difference for g in found if g.metric == "bleu4"]
    assert 4 == len(four)
    expected = holm([one.p_randomisation for one in four]).tolist()
    assert expected == [one.p_holm for one in four]


def test_a_model_that_failed_on_all_studies_with_a_prior_has_no_gain() -> None:
    systems = {**SYSTEMS, "m": _with_failures(SYSTEMS["m"], list(range(N)))}
    assert [] == _judged(systems)
