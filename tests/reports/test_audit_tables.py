"""The tables of an audit, and the plot of agreement."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from metrics.audit.edits import EDITS, Edit
from metrics.audit.effects import Audit, measure
from metrics.metric import Output
from metrics.results import Score
from metrics.scoring import Resampling
from metrics.statistics import Units
from metrics.statistics.correlation import Correlation
from reports.agreement import Agreement, agreement_plot, agreement_rows
from reports.audit_tables import audit_csv, audit_tables, markdown, undefined_metrics


def _audit(names: list[str], resamples: int = 0) -> Audit:
    edits: list[Edit] = [EDITS[name] for name in names]
    ones, halves, nothing = np.ones(4), np.full(4, 0.5), np.full(4, math.nan)
    scores = {"copy": {"m": ones, "void": nothing}}
    scores |= {name: {"m": halves, "void": nothing} for name in names}
    applied = {name: np.array([True, True, True, False]) for name in names}
    outputs = {"m": Output("m"), "void": Output("void")}
    units = Units.from_clusters(None, 4)
    effects, overall = measure(
        scores, applied, edits, outputs, units, Resampling(resamples=resamples)
    )
    counts = {name: int(rows.sum()) for name, rows in applied.items()}
    anchors = {"m": {"copy": _score(1.0)}, "void": {"copy": _score(math.nan)}}
    return Audit(edits, counts, outputs, effects, overall, anchors)


def _score(value: float) -> Score:
    return Score(value, None, None, 0.95, 0, "percentile", "sample", 4, 0, 0, "m|v:1", True, 4)


def test_scores_of_0_to_1_are_shown_times_100() -> None:
    told, moves, lower, texts, _ = audit_tables(_audit(["severity", "synonym"]))
    assert [["m", "50.0", "50.0"]] == told.rows
    assert ["metric", "severity", "~ synonym"] == moves.headers
    assert [["m", "50.00", "50.00"]] == moves.rows
    assert [["m", "100"]] == lower.rows
    assert [["m", "100.00"]] == texts.rows


def test_the_verdict_has_its_interval() -> None:
    told = audit_tables(_audit(["severity", "synonym"], resamples=20))[0]
    assert "50.0 [50.0 – 50.0]" == told.rows[0][1]


@pytest.mark.parametrize(
    ("names", "titles"),
    [
        (["synonym"], 3),
        (["severity"], 4),
        (["severity", "synonym"], 5),
    ],
)
def test_tables_without_columns_are_left_out(names: list[str], titles: int) -> None:
    assert titles == len(audit_tables(_audit(names)))


def test_metrics_without_scores_are_named() -> None:
    assert ["void"] == undefined_metrics(_audit(["severity"]))


def test_markdown_has_a_heading_per_table() -> None:
    tables = audit_tables(_audit(["severity", "synonym"]))
    assert [t.title for t in tables] == [
        line.removeprefix("## ") for line in markdown(tables).splitlines() if line[:2] == "##"
    ]


def test_the_csv_has_a_row_per_metric_and_edit_and_one_for_all() -> None:
    rows = audit_csv(_audit(["severity", "synonym"])).splitlines()
    assert 1 + 2 * 2 + 2 == len(rows)
    assert "m,severity,meaning,3,3,1.0," in rows[1]


def _agreement(metric: str, value: float) -> Agreement:
    found = Correlation(value, value - 0.1, value + 0.1, 9, 3, 0)
    if math.isnan(value):
        found = Correlation(value, None, None, 0, 0, 9)
    return Agreement(metric, "all", True, found, found)


def test_the_plot_has_the_best_first_and_escapes_names() -> None:
    made = agreement_plot([_agreement("a<b", -0.2), _agreement("c", 0.5)], "all")
    texts = [e.text for e in ET.fromstring(made).iter("{http://www.w3.org/2000/svg}text")]
    assert texts.index("c") < texts.index("a<b")
    assert "+0.500" in texts


def test_the_plot_of_nothing_is_a_plot() -> None:
    made = agreement_plot([_agreement("a", math.nan)], "all")
    assert "No metric has a coefficient" in made
    assert "–" == agreement_rows([_agreement("a", math.nan)])[1][0][2]
