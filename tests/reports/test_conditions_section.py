"""CheXpert's conditions on the page: the table, the labels, and the rules beside the scores."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from metrics.conditions import CONDITIONS
from reports.html import render_report
from reports.report_data import ReportData, SliceScores
from reports.shareable import shareable
from tests.reports.factory import clinical, report, score, table

ROWS = re.compile(r"<tr>\s*<th scope=\"row\">([^<]*)</th>(.*?)</tr>", re.DOTALL)


@pytest.fixture(scope="module")
def data() -> ReportData:
    return clinical(report(n_studies=6))


@pytest.fixture(scope="module")
def page(data: ReportData) -> str:
    return render_report(data)


def blocks(page: str) -> list[list[tuple[str, list[str]]]]:
    """Return the table's (condition, words of its cells), a list per system."""
    start = page.index('id="conditions-table"')
    bodies = page[start : page.index("</table>", start)].split("<tbody")[1:]
    return [[(html.unescape(row[0]), _words(row[1])) for row in ROWS.findall(b)] for b in bodies]


def _words(cells: str) -> list[str]:
    return [" ".join(re.sub("<[^>]*>", " ", cell).split()) for cell in cells.split("</td>")[:-1]]


def browser(page: str) -> Any:
    start = page.index('id="studies-data">') + len('id="studies-data">')
    return json.loads(page[start : page.index("</script>", start)])


def test_every_system_has_a_row_for_each_condition(data: ReportData, page: str) -> None:
    found = blocks(page)
    assert len(data.table.systems) == len(found)
    for rows in found:
        assert list(CONDITIONS) == [condition for condition, _ in rows]


def test_a_row_shows_counts_and_scores_with_their_intervals(page: str) -> None:
    _, cells = blocks(page)[1][1]
    assert [
        "55",
        "18.33 16.33 – 20.33",
        "64",
        "50.00 48.00 – 52.00",
        "25.00 23.00 – 27.00",
        "33.33 31.33 – 35.33",
    ] == cells


def test_what_is_0_by_the_rule_says_so_in_place_of_an_interval() -> None:
    plain = clinical(report(n_studies=1))
    rows = list(plain.conditions[0].rows)
    rows[0] = replace(rows[0], predicted=0, scores={**rows[0].scores, "precision": score(0.0)})
    rows[1] = replace(rows[1], referenced=0)
    rows[2] = replace(rows[2], predicted=0, referenced=0)
    found = blocks(
        render_report(replace(plain, conditions=[replace(plain.conditions[0], rows=rows)]))
    )
    ruled = [["0 ÷ 0" in cell for cell in cells[3:]] for _, cells in found[0][:4]]
    assert "0.00 0 ÷ 0" == found[0][0][1][3]
    assert [[True, False, False], [False, True, False], [True] * 3, [False] * 3] == ruled


def test_the_rule_and_unseen_conditions_stand_below_the_leaderboard(page: str) -> None:
    start = page.index('<section id="leaderboard"')
    board = " ".join(page[start : page.index("</section>", start)].split())
    assert "0 divided by 0 counts as 0, as published" in board
    assert (
        "No reference has Support Devices, No Finding: F1 of these conditions can only be 0"
        in board
    )


def test_prevalence_stands_in_the_head_of_a_conditions_column() -> None:
    names = ("chexbert_f1_cardiomegaly", "rexrank/chexbert_f1_cardiomegaly", "bleu4")
    scores = {"a": {name: score(0.3, name=name) for name in names}}
    page = render_report(replace(clinical(report(["a"], 2)), table=table(scores)))
    heads = page[page.index('id="leaderboard-table"') :].split("</thead>")[0]
    assert 2 == heads.count("in 18.3 % of references")


@pytest.mark.parametrize(
    ("uncertain", "words"),
    [(True, "is positive or uncertain;"), (False, "is positive; uncertain counts as not there;")],
)
def test_the_page_says_what_uncertain_counts_as(
    data: ReportData, uncertain: bool, words: str
) -> None:
    page = render_report(replace(data, uncertain_is_there=uncertain))
    assert words in page
    assert ([1, 3] if uncertain else [1]) == browser(page)["there"]


def test_labels_reach_the_browser_as_a_digit_per_condition(data: ReportData, page: str) -> None:
    found = browser(page)
    assert list(CONDITIONS) == found["conditions"]
    assert ["blank", "positive", "negative", "uncertain"] == found["classes"]
    for study, shown in zip(data.studies, found["studies"], strict=True):
        assert study.labels is not None
        references, predictions = shown["labels"]
        assert ["".join(map(str, one)) for one in study.labels.references] == references
        wanted = [study.labels.predictions[system] for system in found["systems"]]
        assert ["".join(map(str, one)) for one in wanted] == predictions


def test_a_run_without_clinical_metrics_says_nothing_of_them() -> None:
    page = render_report(report(n_studies=2))
    assert 'id="conditions"' not in page
    assert 'href="#conditions"' not in page
    assert "of references" not in page
    found = browser(page)
    assert not {"conditions", "classes", "there"} & found.keys()
    assert all("labels" not in study for study in found["studies"])


def test_one_system_needs_no_choice() -> None:
    assert 'id="condition-system"' not in render_report(clinical(report(["a"], 1)))


def test_the_shareable_page_has_the_table_and_no_studys_labels(data: ReportData) -> None:
    page = render_report(shareable(data, "pepper"))
    assert blocks(page) == blocks(render_report(data))
    found = browser(page)
    assert "conditions" not in found
    assert all("labels" not in study for study in found["studies"])
    assert "tags, marks and labels are taken out" in page


def test_a_studys_f1_of_one_condition_is_its_label_and_not_shared(data: ReportData) -> None:
    keys = {
        "chexbert_f1_edema": 1.0,
        "libra/chexbert_f1_no_finding": 0.0,
        "chexbert_micro_f1_14": 0.4,
    }
    studies = [replace(one, scores={"a": keys}) for one in data.studies]
    for study in shareable(replace(data, studies=studies), "pepper").studies:
        assert {"a": {"chexbert_micro_f1_14": 0.4}} == study.scores


@pytest.mark.parametrize(("name", "is_explained"), [("abnormal", True), ("ward", False)])
def test_the_slice_of_abnormal_studies_says_who_judged(
    data: ReportData, name: str, is_explained: bool
) -> None:
    slices = [SliceScores(name, value, 9, {}) for value in ("no", "yes")]
    page = render_report(replace(data, slices=slices))
    assert is_explained == ("By CheXbert: no where it labels every reference" in page)
