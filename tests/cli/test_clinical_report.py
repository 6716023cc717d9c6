"""A run with clinical metrics, to the last page: labels, marks, conditions, slices."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from metrics.annotators.sources import annotate
from metrics.conditions import CONDITIONS
from tests.cli.conftest import Run
from tests.cli.weights_places import nothing_here, small_weights
from tests.cli.workplace import Workplace

__all__ = ["nothing_here", "small_weights"]

CLINICAL = "bleu4,radgraph_simple,chexbert_micro_f1_14"


def page_of(folder: Path) -> str:
    return (folder / "report.html").read_text()


def browser(page: str) -> Any:
    start = page.index('id="studies-data">') + len('id="studies-data">')
    return json.loads(page[start : page.index("</script>", start)])


@pytest.fixture
def scored(place: Workplace, run: Run, small_weights: Path) -> Path:
    """Return the folder of a run with RadGraph F1 and CheXbert F1."""
    ended = run(*place.score("--metrics", CLINICAL))
    assert 0 == ended.status, ended.err
    return place.output


def test_the_page_shows_the_labels_of_every_text(scored: Path) -> None:
    found = browser(page_of(scored))
    assert list(CONDITIONS) == found["conditions"]
    texts = [study["references"][0] for study in found["studies"]]
    texts += [text for study in found["studies"] for text in study["predictions"]]
    words = ["".join(map(str, one.labels)) for one in annotate("chexbert", texts)]
    n = len(found["studies"])
    assert words[:n] == [study["labels"][0][0] for study in found["studies"]]
    assert words[n:] == [label for study in found["studies"] for label in study["labels"][1]]


def test_the_page_marks_the_entities_of_both_texts(scored: Path) -> None:
    found = browser(page_of(scored))
    assert "radgraph" in found["keys"]
    key = found["keys"].index("radgraph")
    marks = [
        [len(numbers) // 3 for numbers in sides]
        for study in found["studies"]
        for spans in study["spans"]
        for own, *sides in spans
        if own == key
    ]
    texts = [t for s in found["studies"] for t in (*s["predictions"], *s["references"] * 2)]
    entities = sum(len(one["entities"]) for one in annotate("radgraph", texts))
    assert 0 < entities
    assert entities == sum(map(sum, marks))


def test_the_conditions_are_a_file_too(scored: Path) -> None:
    with (scored / "conditions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(system, c) for system in "ab" for c in CONDITIONS] == [
        (row["system"], row["condition"]) for row in rows
    ]
    assert 'id="conditions-table"' in page_of(scored)


def test_studies_are_sliced_by_abnormality_where_chexbert_reads_them(scored: Path) -> None:
    assert '<p class="fine">By CheXbert: no where it labels every reference' in page_of(scored)


def test_the_page_made_again_is_the_same(scored: Path, run: Run) -> None:
    before = page_of(scored)
    assert 0 == run("report", scored).status
    assert before == page_of(scored)


def test_the_shareable_page_holds_no_text_and_no_studys_labels(scored: Path, run: Run) -> None:
    assert 0 == run("report", scored, "--shareable").status
    page = (scored / "report.shareable.html").read_text()
    assert 'id="conditions-table"' in page
    found = browser(page)
    assert "conditions" not in found
    assert {
        "id",
        "tags",
        "context",
        "references",
        "images",
        "predictions",
        "scores",
        "spans",
    } == set(found["studies"][0])
    for study in browser(page_of(scored))["studies"]:
        for text in (*study["references"], *study["predictions"]):
            assert text not in page


def test_without_its_weights_a_finished_run_says_what_is_not_shown(
    scored: Path, run: Run, small_weights: Path
) -> None:
    shutil.rmtree(small_weights)
    ended = run("report", scored)
    assert 0 == ended.status, ended.err
    page = page_of(scored)
    assert "Not marked, since weights are not on this machine: radgraph." in page
    assert "CheXpert labels are not shown, since weights are not on this machine." in page
    assert "Left out: slice abnormal (not on this machine: chexbert, bert-base)." in page
    assert 'id="conditions-table"' in page
    assert "conditions" not in browser(page)


def test_other_weights_than_the_scores_own_show_nothing(
    scored: Path, run: Run, small_weights: Path
) -> None:
    settings = small_weights / "bert-base" / "config.json"
    settings.write_text(f"{settings.read_text()}\n")
    assert 0 == run("report", scored).status
    assert "CheXpert labels are not shown" in page_of(scored)


def test_a_run_without_clinical_metrics_is_as_ever(place: Workplace, run: Run) -> None:
    assert 0 == run(*place.score("--metrics", "bleu4")).status
    assert not (place.output / "conditions.csv").exists()
    page = page_of(place.output)
    assert 'id="conditions"' not in page
    assert "By CheXbert" not in page
    assert "conditions" not in browser(page)


BENCHMARK = """\
name: small
data: {format: studies, path: refs.jsonl, section: findings}
models: [{id: constant, adapter: constant}]
metrics: [bleu4]
slices: [abnormal]
statistics: {resamples: 20}
output: results/small
"""


@pytest.mark.usefixtures("nothing_here")
def test_a_slice_without_its_weights_is_refused_before_anything_or_left_out(
    place: Workplace, run: Run
) -> None:
    path = place.folder / "bench.yaml"
    path.write_text(BENCHMARK)
    ended = run("run", path)
    assert 3 == ended.status
    assert "not on this machine: chexbert, bert-base." in ended.err
    assert not Path("results").exists()
    ended = run("run", path, "--skip-unavailable")
    assert 0 == ended.status, ended.err
    assert "Left out: slice abnormal (not on this machine: chexbert, bert-base)." in ended.out
