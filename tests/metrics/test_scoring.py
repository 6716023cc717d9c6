from __future__ import annotations

import json
import math

import numpy as np
import pytest

from metrics.errors import InputError
from metrics.evaluation import CHUNK, System, compute_statistics
from metrics.results import ScoreTable
from metrics.samples import TestSet
from metrics.scoring import Resampling, hash_test_set, score_systems, score_table, tally
from metrics.selection import select
from metrics.statistics import Units, resample_indices

REFERENCES = [
    "no pleural effusion",
    "the heart is normal in size",
    "left effusion has increased",
    "the lungs are clear",
    "unchanged right basilar opacity",
]
PREDICTIONS = [
    "no effusion",
    "heart size is normal",
    "left effusion has decreased",
    "the lungs are clear",
    "right basilar opacity",
]
PATIENTS = ["a", "a", "b", "c", "c"]


def the_test_set() -> TestSet:
    return TestSet([str(i) for i in range(len(REFERENCES))], [[text] for text in REFERENCES])


def counted(names: list[str], patients: list[str] | None = None, **systems: list[str]):  # type: ignore[no-untyped-def]
    given = {name: System(texts) for name, texts in (systems or {"one": PREDICTIONS}).items()}
    units = Units.from_clusters(patients, len(REFERENCES))
    return tally(select(names), the_test_set(), given, units)


def test_intervals_equal_those_of_explicit_resamples_of_the_official_package() -> None:
    import sacrebleu

    resampling = Resampling(resamples=200, seed=3)
    (scores,) = score_systems(counted(["sacrebleu/bleu4"], PATIENTS), resampling).values()
    members = {"a": [0, 1], "b": [2], "c": [3, 4]}
    resampled = []
    for units in resample_indices(3, 200, seed=3):
        rows = [row for unit in units for row in members["abc"[unit]]]
        texts = [PREDICTIONS[row] for row in rows]
        wanted = [[REFERENCES[row] for row in rows]]
        resampled.append(sacrebleu.corpus_bleu(texts, wanted).score / 100)
    low, high = np.quantile(resampled, [0.025, 0.975])
    found = next(iter(scores.values()))
    assert low == pytest.approx(found.low, abs=1e-12)
    assert high == pytest.approx(found.high, abs=1e-12)
    assert (3, "subject_id") == (found.n_units, found.unit)


def test_the_interval_of_a_metric_does_not_depend_on_its_company() -> None:
    resampling = Resampling(resamples=100)
    alone = score_systems(counted(["rougeL"]), resampling)["one"]["rougeL"]
    among = score_systems(
        counted(["bleu", "rouge", "chrf"], one=PREDICTIONS, two=REFERENCES), resampling
    )["one"]["rougeL"]
    assert (alone.low, alone.high) == (among.low, among.high)


def test_without_resamples_there_are_no_intervals() -> None:
    score = score_systems(counted(["rougeL"]), Resampling(resamples=0))["one"]["rougeL"]
    assert (None, None, 0) == (score.low, score.high, score.resamples)


def test_a_score_over_some_samples_says_how_many() -> None:
    scores = score_systems(counted(["temporal_f1"]), Resampling(resamples=50))["one"]
    assert 5 == scores["temporal_f1"].n
    assert 2 == scores["temporal_f1_present"].n


def test_scores_of_no_samples_are_undefined_and_written_as_null() -> None:
    table = score_table(counted(["prior_hallucination"]), Resampling(resamples=20), the_test_set())
    score = table.systems["one"].metrics["prior_hallucination"]
    assert math.isnan(score.score)
    assert 20 == score.undefined_resamples
    written = json.loads(table.to_json())["systems"]["one"]["metrics"]["prior_hallucination"]
    assert (None, None, None) == (written["score"], written["low"], written["high"])


def test_a_table_survives_its_json_form() -> None:
    table = score_table(counted(["bleu", "cider"]), Resampling(resamples=30), the_test_set())
    again = ScoreTable.from_json(table.to_json())
    assert table.systems == again.systems
    assert table.to_json() == again.to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema_version": 1}', "null"])
def test_other_json_is_no_score_table(text: str) -> None:
    with pytest.raises(InputError):
        ScoreTable.from_json(text)


def test_a_newer_schema_is_refused() -> None:
    with pytest.raises(InputError, match="schema version 99"):
        ScoreTable.from_json('{"schema_version": 99}')


@pytest.mark.slow
def test_statistics_do_not_depend_on_the_number_of_processes() -> None:
    n = CHUNK + 100
    texts = [f"{REFERENCES[i % 5]} {i % 97}" for i in range(n)]
    given = {"one": System([text.replace("the", "a") for text in texts])}
    big = TestSet([str(i) for i in range(n)], [[text] for text in texts])
    metrics = [one.metric for one in select(["default"])]
    _, one = compute_statistics(metrics, big, given, processes=1)
    _, two = compute_statistics(metrics, big, given, processes=2)
    for a, b in zip(one["one"], two["one"], strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_chunks_of_a_large_test_set_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = [one.metric for one in select(["bleu", "rouge", "cider"])]
    given = {"one": System(PREDICTIONS)}
    _, whole = compute_statistics(metrics, the_test_set(), given)
    monkeypatch.setattr("metrics.evaluation.CHUNK", 2)
    _, chunked = compute_statistics(metrics, the_test_set(), given)
    for a, b in zip(whole["one"], chunked["one"], strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_hash_of_a_test_set_depends_on_ids_references_and_order() -> None:
    base = TestSet(["1", "2"], [["a"], ["b"]])
    others = [
        TestSet(["1", "3"], [["a"], ["b"]]),
        TestSet(["1", "2"], [["a"], ["c"]]),
        TestSet(["2", "1"], [["b"], ["a"]]),
        TestSet(["1", "2"], [["a", "b"], ["b"]]),
    ]
    hashes = {hash_test_set(one) for one in [base, *others]}
    assert 5 == len(hashes)
    assert hash_test_set(base) == hash_test_set(TestSet(["1", "2"], [["a"], ["b"]], [True, False]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"confidence": 95}, "between 0 and 1"),
        ({"resamples": -1}, "must not be negative"),
        ({"seed": -1}, "must not be negative"),
        ({"method": "bca"}, "at least 5000 resamples"),
    ],
)
def test_wrong_settings_are_errors(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Resampling(**settings)  # type: ignore[arg-type]


def test_a_subset_keeps_samples_of_a_patient_together() -> None:
    part = counted(["rougeL"], PATIENTS).subset(np.array([True, True, False, False, True]))
    assert (3, 2) == (part.n, part.units.n_units)


def test_an_unknown_interval_method_is_an_error() -> None:
    with pytest.raises(InputError, match="Unknown interval method 'basic'"):
        Resampling.of(1000, 0.95, "basic", 0)
