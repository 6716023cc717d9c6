import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics._temporal_f1 import TemporalF1, temporal_f1_score
from metrics.errors import InputError
from metrics.samples import Samples, TestSet
from metrics.temporal.keywords import KEYWORDS, keywords, positions, published_keywords
from metrics.tokens.libra_text import lower_and_clean

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "temporal_f1.json").read_text("utf-8")
)
PAIRS: list[dict[str, Any]] = GOLDEN["pairs"]
WORDS = st.lists(
    st.sampled_from([*sorted(KEYWORDS), "Stable", "NEW", "no", "2new", "opacity", "a_b", "é"])
    | st.text(max_size=4),
    max_size=8,
)
TEXTS = st.builds(lambda words, glue: glue.join(words), WORDS, st.sampled_from(" /-_,\n—"))


def test_the_keywords_are_the_published_ones() -> None:
    assert set(GOLDEN["keywords"]) == KEYWORDS


@pytest.mark.parametrize("pair", PAIRS, ids=range(len(PAIRS)))
def test_each_golden_pair_has_its_published_score_and_entities(pair: dict[str, Any]) -> None:
    result = temporal_f1_score([pair["prediction"]], [pair["reference"]])
    assert pair["f1"] == pytest.approx(result["f1"], rel=1e-12, abs=1e-25)
    assert [set(pair["prediction_entities"])] == result["prediction_entities"]
    assert [set(pair["reference_entities"])] == result["reference_entities"]


def test_the_golden_means_are_met() -> None:
    predictions = [pair["prediction"] for pair in PAIRS]
    references = [pair["reference"] for pair in PAIRS]
    assert GOLDEN["mean_f1"] == pytest.approx(
        temporal_f1_score(predictions, references)["f1"], rel=1e-12
    )
    single = [pair for pair in PAIRS if isinstance(pair["reference"], str)]
    cleaned = temporal_f1_score(
        [lower_and_clean(pair["prediction"]) for pair in single],
        [lower_and_clean(pair["reference"]) for pair in single],
    )
    expected = GOLDEN["mean_f1_string_references_lowercased_and_cleaned_first"]
    assert expected == pytest.approx(cleaned["f1"], rel=1e-12)


def test_the_documented_example_holds() -> None:
    result = temporal_f1_score(
        predictions=["The effusion has worsened.", "Clear."],
        references=["Worsened effusion.", ["It has worsened."]],
    )
    assert {
        "f1": 0.500000000075,
        "prediction_entities": [{"worsened"}, set()],
        "reference_entities": [{"worsened"}, {"worsened"}],
    } == result


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        ([], [], "no texts"),
        (["x"], [], "1 predictions for 0 references"),
        ("x", ["x"], "predictions is one string"),
        (["x"], "x", "references is one string"),
    ],
)
def test_wrong_input_is_refused_with_a_reason(
    predictions: Any, references: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        temporal_f1_score(predictions, references)


def published_search(text: str) -> set[str]:
    pattern = r"\b(" + "|".join(sorted(KEYWORDS)) + r")\b"
    return set(re.findall(pattern, lower_and_clean(text)))


@given(TEXTS)
def test_keywords_are_the_whole_word_matches_of_the_cleaned_text(text: str) -> None:
    assert published_search(text) == published_keywords(lower_and_clean(text))


@given(TEXTS)
def test_positions_point_at_the_keywords_of_the_raw_text(text: str) -> None:
    found = list(positions(text))
    assert all(word == text[start:end].lower() for start, end, word in found)
    assert {word for _, _, word in found} >= keywords(text)


def test_only_the_published_cleaning_glues_words_around_a_slash() -> None:
    assert frozenset() == published_keywords("worsened/increased")
    assert {"worsened", "increased"} == keywords("worsened/increased")
    assert {"stable", "unchanged"} == keywords("stable—unchanged")
    assert {"new"} == keywords("___new___")
    pair = (["worsened/increased"], ["worsened and increased"])
    assert 0.99999999995 == TemporalF1().score(*pair)["temporal_f1"]
    assert TemporalF1("libra").score(*pair)["temporal_f1"] < 1e-9


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6))
def test_under_libra_the_metric_equals_the_published_function(pairs: list[tuple[str, str]]) -> None:
    predictions, references = map(list, zip(*pairs, strict=True))
    lowered = [list(map(lower_and_clean, texts)) for texts in (predictions, references)]
    expected = temporal_f1_score(*lowered)["f1"]
    assert expected == pytest.approx(
        TemporalF1("libra").score(predictions, references)["temporal_f1"], rel=1e-12
    )


def test_silence_scores_one_where_references_are_silent_and_zero_where_it_counts() -> None:
    references = ["Clear lungs."] * 3 + ["Worsening effusion."]
    scores = TemporalF1().score(["Normal chest."] * 4, references)
    assert 0.75 == pytest.approx(scores["temporal_f1"], abs=1e-9)
    assert 0.0 == pytest.approx(scores["temporal_f1_present"], abs=1e-9)


def test_present_counts_its_studies_and_is_undefined_without_any() -> None:
    test_set = TestSet(list("abc"), [["new line"], ["clear"], ["clear", "stable"]])
    metric = TemporalF1()
    statistics = metric.statistics(Samples.of(["new", "new", "stable"], test_set))
    column = metric.info.outputs[1].count_column
    assert [1.0, 0.0, 1.0] == statistics[:, column].tolist()
    per_sample = metric.per_sample(statistics)
    assert 1e-10 == per_sample[1, 0]
    assert math.isnan(per_sample[1, 1])
    assert math.isnan(metric.score(["clear"], ["clear"])["temporal_f1_present"])


def test_several_references_are_united() -> None:
    test_set = TestSet(["a"], [["worse", "larger", "smaller"]])
    statistics = TemporalF1().statistics(Samples.of(["Worse and larger"], test_set))
    assert 0.79999999996 == pytest.approx(statistics[0, 0], rel=1e-12)


def test_spans_mark_matched_missed_and_invented_keywords() -> None:
    spans = TemporalF1().spans("New but Stable.", ["Stable, unchanged.", "constant"])
    marks = [(s.side, s.start, s.end, s.kind, s.label) for s in spans]
    assert [
        ("prediction", 0, 3, "invented", "new"),
        ("prediction", 8, 14, "matched", "stable"),
        ("reference", 0, 6, "matched", "stable"),
        ("reference", 8, 17, "missed", "unchanged"),
    ] == marks


def test_scores_stay_between_zero_and_one_and_split_sets_add_up() -> None:
    texts = [p["prediction"] for p in PAIRS]
    references = [
        [p["reference"]] if isinstance(p["reference"], str) else p["reference"] for p in PAIRS
    ]
    ids = [str(i) for i in range(len(PAIRS))]
    metric = TemporalF1()
    whole = metric.statistics(Samples.of(texts, TestSet(ids, references)))
    half = len(texts) // 2
    parts = [
        metric.statistics(Samples.of(texts[part], TestSet(ids[part], references[part])))
        for part in (slice(None, half), slice(half, None))
    ]
    assert np.array_equal(whole, np.concatenate(parts))
    scores = metric.reduce(whole.sum(axis=0))
    assert ((scores >= 0) & (scores <= 1)).all()
