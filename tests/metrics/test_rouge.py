from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics._rouge import Rouge1, Rouge2, RougeL
from metrics.errors import InputError
from metrics.metric import FloatArray, Metric
from metrics.official import rouge
from metrics.samples import Samples, TestSet
from tests.strategies import texts

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "lexical_cases.json").read_text("utf-8")
)
VARIANTS: dict[str, dict[str, Any]] = {
    "hub": {},
    "libra": {"treatment": "libra"},
    "radeval": {"stem": True},
}
CLASSES: tuple[type[Metric], ...] = (Rouge1, Rouge2, RougeL)
several = st.lists(
    st.tuples(texts, st.lists(texts, min_size=1, max_size=3)), min_size=1, max_size=5
)


def statistics(metric: Metric, predictions: list[str], references: list[list[str]]) -> FloatArray:
    test_set = TestSet([str(i) for i in range(len(predictions))], references)
    return metric.statistics(Samples.of(predictions, test_set))


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["id"])
def test_scores_equal_rouge_score_on_odd_texts(case: dict[str, Any]) -> None:
    for variant, fields in VARIANTS.items():
        for kind in CLASSES:
            if variant in case["scores"]:
                metric = kind(**fields)
                found = statistics(metric, [case["prediction"]], [case["references"]])
                assert case["scores"][variant][metric.info.name] == pytest.approx(
                    found[0, 0], abs=1e-12
                )


@pytest.mark.parametrize("stem", [False, True])
@settings(max_examples=40, deadline=None)
@given(samples=several)
def test_scores_equal_rouge_score_on_any_texts(
    stem: bool, samples: list[tuple[str, list[str]]]
) -> None:
    predictions, references = map(list, zip(*samples, strict=True))
    official = rouge.scores(predictions, references, stem=stem)
    for metric in (Rouge1(stem=stem), Rouge2(stem=stem), RougeL(stem=stem)):
        found = statistics(metric, predictions, references)
        name = metric.info.name
        assert official.per_sample[name] == pytest.approx(found[:, 0], abs=1e-12)
        assert official.corpus[name] == pytest.approx(metric.reduce(found.sum(0))[0], abs=1e-12)


def test_rouge_l_of_coco_takes_precision_and_recall_from_different_references() -> None:
    found = statistics(
        RougeL(tokens="ptb", beta=1.2), ["no effusion"], [["no", "no big effusion seen"]]
    )
    precision, recall = 1.0, 1.0
    assert (1 + 1.44) * precision * recall / (recall + 1.44 * precision) == found[0, 0]


@given(several)
@settings(max_examples=40, deadline=None)
def test_rouge_l_of_coco_equals_its_scorer_on_the_same_tokens(
    samples: list[tuple[str, list[str]]],
) -> None:
    from pycocoevalcap.rouge.rouge import Rouge

    from metrics.tokens.ptb import line

    predictions, references = map(list, zip(*samples, strict=True))
    found = statistics(RougeL(tokens="ptb", beta=1.2), predictions, references)
    for score, (prediction, several_references) in zip(found[:, 0], samples, strict=True):
        expected = Rouge().calc_score([line(prediction)], [line(t) for t in several_references])
        assert expected == pytest.approx(score, abs=1e-12)


def test_two_empty_texts_score_zero_but_one_by_cocos_rules() -> None:
    for kind in CLASSES:
        assert {0.0} == set(kind().score([""], [""]).values())
    assert {"rougeL": 1.0} == RougeL(tokens="ptb", beta=1.2).score([""], [""])


def test_n_gram_scores_follow_the_test_set_that_they_are_asked_for() -> None:
    first = TestSet(["a"], [["no effusion"]])
    samples = Samples.of(["no effusion"], first)
    other = Samples(TestSet(["a"], [["edema"]]), samples.prediction_texts)
    assert 1.0 == Rouge1().statistics(samples)[0, 0]
    assert 0.0 == Rouge1().statistics(other)[0, 0]


def test_stemming_and_ptb_tokens_exclude_each_other() -> None:
    with pytest.raises(InputError, match="stems only"):
        RougeL(stem=True, tokens="ptb")
    with pytest.raises(InputError, match="no tokens 'bpe'"):
        RougeL(tokens="bpe")
