import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics._temporal_direction import TemporalDirection, direction_confusion
from metrics._temporal_f1 import temporal_f1_score
from metrics.samples import Samples, TestSet
from metrics.temporal.lexicon import CHANGES as CHANGES_BY_SENSE
from metrics.temporal.lexicon import COMMON, COMPOUNDS, WEAK_CHANGES
from metrics.temporal.tuples import CHANGES, change_tuples, finding_changes

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "temporal_tuples.json").read_text("utf-8")
)["cases"]
TEXTS = [case["text"] for case in CASES]
REPORTS = st.lists(st.sampled_from(TEXTS), max_size=5).map("\n\n".join)
PAIRS = st.lists(st.tuples(REPORTS, REPORTS), min_size=1, max_size=6)
METRIC = TemporalDirection()
NAMES = [output.name for output in METRIC.info.outputs]


def swapped(text: str) -> str:
    """The text in lower case with left and right exchanged."""
    other = {"left": "right", "right": "left"}
    return re.sub(r"\b(left|right)\b", lambda match: other[match.group()], text.lower())


@pytest.mark.parametrize("case", CASES, ids=[case["text"][:60] for case in CASES])
def test_each_golden_sentence_yields_its_tuples(case: dict[str, Any]) -> None:
    assert {tuple(entry) for entry in case["tuples"]} == change_tuples(case["text"])


def test_the_examples_of_the_documentation_hold() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics" / "temporal.md").read_text("utf-8")
    table = page.split("| text | tuples |\n|---|---|\n")[1].split("\n\n")[0]
    for row in table.splitlines():
        text, tuples = row.strip("| ").split(" | ")
        expected = {tuple(t.split(", ")) for t in re.findall(r"\(([^)]*)\)", tuples)}
        assert expected == change_tuples(text), text


def test_no_phrase_is_passed_over_because_all_its_words_are_common() -> None:
    listed = [text for sense, text in CHANGES_BY_SENSE.items() if sense != "absent"]
    listed += [*WEAK_CHANGES.values(), *COMPOUNDS.values()]
    phrases = [phrase for text in listed for phrase in text.split(",")]
    assert not [phrase for phrase in phrases if COMMON.issuperset(phrase.split())]


@pytest.mark.parametrize(
    "text", [text for text in TEXTS if not re.search("middle lobe|lingul", text.lower())]
)
def test_exchanging_left_and_right_exchanges_the_sides(text: str) -> None:
    mirror = {"left": "right", "right": "left", "none": "none"}
    expected = {(finding, mirror[side], change) for finding, side, change in change_tuples(text)}
    assert expected == change_tuples(swapped(text))


@pytest.mark.parametrize("text", TEXTS)
def test_case_and_hard_wrapped_lines_do_not_matter(text: str) -> None:
    assert change_tuples(text) == change_tuples(text.upper())
    if not re.match(r"\d\.|-", text):
        assert change_tuples(text) == change_tuples(text.replace(" ", "\n"))


@given(st.lists(st.sampled_from(TEXTS), max_size=4))
def test_a_report_says_what_its_sentences_say(sentences: list[str]) -> None:
    expected = frozenset[tuple[str, str, str]]().union(*map(change_tuples, sentences))
    assert expected == change_tuples("\n\n".join(sentences))


@given(
    st.text() | st.lists(st.sampled_from([*TEXTS, "İ ẞ", "’", "::,;", "no not or"])).map(" ".join)
)
def test_spans_point_into_any_text(text: str) -> None:
    for change in finding_changes(text):
        for start, end in (change.finding_span, change.change_span):
            assert 0 <= start < end <= len(text)
        assert change.change in CHANGES


def test_spans_hold_the_words_although_lower_casing_would_lengthen_the_text() -> None:
    text = "İİ. Left Effusion has DECREASED."
    (change,) = finding_changes(text)
    assert "Effusion" == text[slice(*change.finding_span)]
    assert "DECREASED" == text[slice(*change.change_span)]
    assert "effusion left: better" == change.label


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        ("Effusion decreased, edema increased.", "Effusion increased, edema decreased."),
        ("Left effusion improved, right worsened.", "Left effusion worsened, right improved."),
    ],
)
def test_opposite_changes_score_zero_where_the_published_metric_scores_one(
    prediction: str, reference: str
) -> None:
    scores = METRIC.score([prediction], [reference])
    assert 0.0 == scores["temporal_direction_f1"]
    assert 0.0 == scores["temporal_direction_agreement"]
    published = temporal_f1_score([prediction], [reference])["f1"]
    assert 1.0 == pytest.approx(published)


def test_synonyms_score_one_where_the_published_metric_scores_zero() -> None:
    pair = (["Cardiomegaly is stable."], ["Unchanged heart size."])
    assert 1.0 == METRIC.score(*pair)["temporal_direction_f1"]
    assert 0.0 == pytest.approx(temporal_f1_score(*pair)["f1"], abs=1e-9)


def test_no_new_effusion_does_not_match_new_effusion() -> None:
    scores = METRIC.score(["No new effusion."], ["New effusion."])
    assert 0.0 == scores["temporal_direction_recall"]
    assert math.isnan(scores["temporal_direction_precision"])


def test_worked_example_of_every_output() -> None:
    # Shared: heart unchanged = unchanged, effusion left worse/better. Missed: edema better.
    prediction = "Stable cardiomegaly. Left effusion has decreased."
    reference = "Unchanged cardiomegaly. Left effusion has increased. Edema has improved."
    scores = METRIC.score([prediction], [reference])
    # By change: unchanged 1 of 1 and 1; worse 0; better 0 (one said, one meant).
    assert {
        "temporal_direction_precision": 1 / 2,
        "temporal_direction_recall": 1 / 3,
        "temporal_direction_f1": 2 / 5,
        "temporal_direction_agreement": 1 / 2,
        "temporal_direction_macro_f1": (1 + 0 + 0) / 3,
    } == pytest.approx(scores)


def test_without_any_tuple_nothing_is_defined() -> None:
    assert all(math.isnan(score) for score in METRIC.score(["Clear."], ["Normal."]).values())


def test_silence_about_changes_has_no_precision_and_f1_zero() -> None:
    scores = METRIC.score(["Normal chest."], ["Worse edema."])
    assert math.isnan(scores["temporal_direction_precision"])
    assert 0.0 == scores["temporal_direction_f1"]
    assert 0.0 == scores["temporal_direction_macro_f1"]
    assert math.isnan(scores["temporal_direction_agreement"])


@given(PAIRS)
def test_scores_equal_counting_tuples_longhand(pairs: list[tuple[str, str]]) -> None:
    found = [change_tuples(prediction) for prediction, _ in pairs]
    wanted = [change_tuples(reference) for _, reference in pairs]
    matched = sum(len(f & w) for f, w in zip(found, wanted, strict=True))
    said, true = sum(map(len, found)), sum(map(len, wanted))
    by_change = {
        change: [
            sum(c == change for s in sets for *_, c in s)
            for sets in (found, wanted, [f & w for f, w in zip(found, wanted, strict=True)])
        ]
        for change in CHANGES
    }
    f1 = [2 * both / (f + w) for f, w, both in by_change.values() if f + w]
    nan = math.nan
    expected = [
        matched / said if said else nan,
        matched / true if true else nan,
        2 * matched / (said + true) if said + true else nan,
        sum(f1) / len(f1) if f1 else nan,
    ]
    scores = METRIC.score(*map(list, zip(*pairs, strict=True)))
    scores.pop("temporal_direction_agreement")
    assert expected == pytest.approx(list(scores.values()), nan_ok=True)


@given(PAIRS)
def test_exchanging_the_texts_exchanges_precision_and_recall(pairs: list[tuple[str, str]]) -> None:
    predictions, references = map(list, zip(*pairs, strict=True))
    one, other = METRIC.score(predictions, references), METRIC.score(references, predictions)
    assert one["temporal_direction_precision"] == pytest.approx(
        other["temporal_direction_recall"], nan_ok=True
    )
    for name in NAMES[2:]:
        assert one[name] == pytest.approx(other[name], nan_ok=True)


@given(REPORTS)
def test_a_report_agrees_with_itself(report: str) -> None:
    scores = METRIC.score([report], [report])
    expected = 1.0 if change_tuples(report) else math.nan
    assert [expected] * 5 == pytest.approx(list(scores.values()), nan_ok=True)


def test_count_columns_count_the_samples_that_a_score_is_over() -> None:
    test_set = TestSet(list("abc"), [["Worse edema."], ["Clear."], ["Stable cardiomegaly."]])
    predictions = ["Improved edema.", "New effusion.", "Clear."]
    totals = METRIC.statistics(Samples.of(predictions, test_set)).sum(axis=0)
    counts = [totals[output.count_column] for output in METRIC.info.outputs]
    assert [2.0, 2.0, 3.0, 1.0, 3.0] == counts


def test_the_reference_with_the_best_f1_is_taken() -> None:
    references = [["Worse edema.", "Improved edema. Stable heart.", "Improved edema."]]
    samples = Samples.of(["Improved edema."], TestSet(["a"], references))
    scores = METRIC.reduce(METRIC.statistics(samples).sum(axis=0))
    assert [1.0] * 5 == scores.tolist()


def test_confusion_tells_mistaken_missed_and_invented_changes() -> None:
    confusion = direction_confusion(
        ["Worse edema. New nodule. Stable heart.", "Clear."],
        ["Improved edema. Stable heart.", ["Left effusion has resolved."]],
    )
    at = {change: i for i, change in enumerate(confusion.changes)}
    table = np.zeros((5, 5), int)
    table[at["better"], at["worse"]] = table[at["unchanged"], at["unchanged"]] = 1
    assert table.tolist() == confusion.table.tolist()
    assert {"resolved": 1} == Counter(
        {c: int(n) for c, n in zip(CHANGES, confusion.missed, strict=True) if n}
    )
    assert {"new": 1} == Counter(
        {c: int(n) for c, n in zip(CHANGES, confusion.invented, strict=True) if n}
    )


@given(PAIRS)
def test_confusion_accounts_for_every_tuple(pairs: list[tuple[str, str]]) -> None:
    predictions, references = map(list, zip(*pairs, strict=True))
    confusion = direction_confusion(predictions, references)
    said = Counter(c for text in predictions for *_, c in change_tuples(text))
    true = Counter(c for text in references for *_, c in change_tuples(text))
    assert [said[c] for c in CHANGES] == (confusion.table.sum(0) + confusion.invented).tolist()
    assert [true[c] for c in CHANGES] == (confusion.table.sum(1) + confusion.missed).tolist()


def test_spans_mark_finding_and_change_words_with_their_tuple() -> None:
    prediction, reference = "Left effusion is larger.", "Left effusion increased. New nodule."
    spans = METRIC.spans(prediction, [reference])
    marks = [
        (s.side, s.kind, s.label, [prediction, reference][s.side == "reference"][s.start : s.end])
        for s in spans
    ]
    assert [
        ("prediction", "matched", "effusion left: worse", "effusion"),
        ("prediction", "matched", "effusion left: worse", "larger"),
        ("reference", "matched", "effusion left: worse", "effusion"),
        ("reference", "matched", "effusion left: worse", "increased"),
        ("reference", "missed", "nodule: new", "New"),
        ("reference", "missed", "nodule: new", "nodule"),
    ] == marks
