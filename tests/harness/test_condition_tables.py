"""The table of conditions: counts, scores and the run's own intervals."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from harness.condition_tables import condition_tables, conditions_csv
from metrics.conditions import CONDITIONS, snake_case
from metrics.scoring import Resampling, Tally, score_systems
from metrics.selection import select
from metrics.statistics import Units

N = 60
RESAMPLING = Resampling(resamples=200, seed=5)
MEASURES = ("precision", "recall", "f1", "prevalence")


def counted(names: list[str], *systems: str) -> Tally:
    """Return a tally of drawn labels, some of which no side ever has."""
    draw = np.random.default_rng(0)
    wanted = draw.random((N, 14)) < 0.3
    wanted[:, 12:] = False
    statistics = {}
    for system in systems:
        found = draw.random((N, 14)) < 0.4
        found[:, 11:13] = False
        counts = np.hstack([found & wanted, found & ~wanted, ~found & wanted]).astype(float)
        statistics[system] = [np.hstack([counts, np.zeros((N, 3)), np.ones((N, 1))])]
    units = Units.from_clusters([str(i // 3) for i in range(N)], N, "subject_id")
    return Tally(select(names), statistics, units)


def test_f1_has_the_score_and_the_interval_that_it_has_in_the_score_table() -> None:
    tally = counted(["chexbert"], "a", "b")
    scores = score_systems(tally, RESAMPLING)
    tables = condition_tables(tally, RESAMPLING)
    assert ["a", "b"] == [table.system for table in tables]
    for table in tables:
        assert list(CONDITIONS) == [row.condition for row in table.rows]
        for row in table.rows:
            assert (
                scores[table.system][f"chexbert_f1_{snake_case(row.condition)}"] == row.scores["f1"]
            )


def test_one_output_of_the_metric_is_enough_for_the_whole_table() -> None:
    whole = condition_tables(counted(["chexbert"], "a"), RESAMPLING)
    assert whole == condition_tables(counted(["chexbert_micro_f1_14"], "a"), RESAMPLING)


def test_precision_recall_and_prevalence_follow_from_the_counts() -> None:
    tally = counted(["chexbert"], "a")
    hits = tally.statistics["a"][0][:, :14].sum(axis=0)
    for row, both in zip(condition_tables(tally, RESAMPLING)[0].rows, hits, strict=True):
        values = {name: score.score for name, score in row.scores.items()}
        assert (both / row.predicted if row.predicted else 0.0) == values["precision"]
        assert (both / row.referenced if row.referenced else 0.0) == values["recall"]
        assert row.referenced / N == values["prevalence"]


def test_prevalence_is_every_systems_same_and_resampled_by_patient() -> None:
    first, second = condition_tables(counted(["chexbert"], "a", "b"), RESAMPLING)
    for one, other in zip(first.rows, second.rows, strict=True):
        assert one.scores["prevalence"] == other.scores["prevalence"]
        assert 20 == one.scores["prevalence"].n_units
        assert one.referenced == other.referenced
    low, high = first.rows[0].scores["prevalence"].low, first.rows[0].scores["prevalence"].high
    assert low is not None
    assert high is not None
    assert low < first.rows[0].scores["prevalence"].score < high


def test_a_condition_that_nobody_has_is_0_by_the_rule() -> None:
    row = condition_tables(counted(["chexbert"], "a"), RESAMPLING)[0].rows[12]
    assert (0, 0) == (row.referenced, row.predicted)
    assert dict.fromkeys(MEASURES, 0.0) == {k: s.score for k, s in row.scores.items()}


def test_a_run_without_chexbert_f1_has_no_table() -> None:
    units = Units.from_clusters(None, 2)
    tally = Tally(select(["bleu4"]), {"a": [np.ones((2, 12))]}, units)
    assert [] == condition_tables(tally, RESAMPLING)


@pytest.mark.parametrize("resamples", [0, 200])
def test_the_file_has_a_row_per_system_and_condition_with_floats_in_full(resamples: int) -> None:
    tables = condition_tables(counted(["chexbert"], "a", "b"), Resampling(resamples))
    rows = list(csv.DictReader(io.StringIO(conditions_csv(tables))))
    assert [("a", c) for c in CONDITIONS] + [("b", c) for c in CONDITIONS] == [
        (row["system"], row["condition"]) for row in rows
    ]
    for row, known in zip(rows, [row for table in tables for row in table.rows], strict=True):
        assert known.referenced == int(row["in_references"])
        assert known.predicted == int(row["in_predictions"])
        for name in MEASURES:
            assert known.scores[name].score == float(row[name])
            low = known.scores[name].low
            assert ("" if low is None else repr(low)) == row[f"{name}_low"]


def test_a_system_that_a_spreadsheet_would_run_is_quoted() -> None:
    (table,) = condition_tables(counted(["chexbert"], "a"), RESAMPLING)
    assert "\n'=1+1,Cardiomegaly," in conditions_csv([replace(table, system="=1+1")])
