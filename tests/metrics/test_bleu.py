from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics._bleu import Bleu
from metrics._sentence_bleu import SentenceBleu2
from metrics.errors import InputError
from metrics.metric import FloatArray, Metric
from metrics.official import bleu, rexrank
from metrics.samples import Samples, TestSet
from tests.strategies import pairs, texts

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "lexical_cases.json").read_text("utf-8")
)
TOLERANCE = GOLDEN["tolerance"]
SACREBLEU: dict[str, Any] = {"length": "closest", "smoothing": "exp"}
RADEVAL: dict[str, Any] = {"tokens": "split", "length": "closest", "smoothing": "coco"}
VARIANTS = {
    "hub": Bleu(),
    "libra": Bleu(treatment="libra"),
    "sacrebleu": Bleu(**SACREBLEU),
    "radeval": Bleu(**RADEVAL),
    "rexrank": SentenceBleu2(),
}
several = st.lists(
    st.tuples(texts, st.lists(texts, min_size=1, max_size=3)), min_size=1, max_size=5
)


def statistics(metric: Metric, predictions: Sequence[str], references: Any) -> FloatArray:
    test_set = TestSet([str(i) for i in range(len(predictions))], references)
    return metric.statistics(Samples.of(predictions, test_set))


def named(metric: Metric, scores: FloatArray) -> dict[str, float]:
    return {o.name: float(s) for o, s in zip(metric.info.outputs, scores, strict=True)}


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["id"])
def test_scores_equal_the_published_tools_on_odd_texts(case: dict[str, Any]) -> None:
    for variant, expected in case["scores"].items():
        metric = VARIANTS[variant]
        found = statistics(metric, [case["prediction"]], [case["references"]])
        wanted = {k: v for k, v in expected.items() if k.startswith("bleu")}
        assert wanted == pytest.approx(named(metric, metric.reduce(found.sum(0))), abs=TOLERANCE)
        if variant == "sacrebleu":
            sentence = metric.per_sample(found)[0, 3]
            assert expected["sentence_bleu4"] == pytest.approx(sentence, abs=TOLERANCE)


@pytest.mark.parametrize("variant", [{}, SACREBLEU, RADEVAL, {"lowercase": True}])
@settings(max_examples=25, deadline=None)
@given(samples=several)
def test_scores_equal_the_official_packages_on_any_texts(
    variant: dict[str, Any], samples: list[tuple[str, list[str]]]
) -> None:
    predictions, references = map(list, zip(*samples, strict=True))
    metric = Bleu(**variant)
    official = bleu.scores(predictions, references, **variant)
    found = statistics(metric, predictions, references)
    assert official.corpus == pytest.approx(named(metric, metric.reduce(found.sum(0))), abs=1e-12)
    for column, name in zip(metric.per_sample(found).T, official.per_sample, strict=True):
        assert official.per_sample[name] == pytest.approx(column, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(samples=several)
def test_sentence_bleu_equals_nltk_on_any_texts(samples: list[tuple[str, list[str]]]) -> None:
    predictions, references = map(list, zip(*samples, strict=True))
    official = rexrank.scores(predictions, references)
    found = statistics(SentenceBleu2(), predictions, references)
    assert official.per_sample["bleu2"] == pytest.approx(found[:, 0], abs=1e-12)


@pytest.mark.parametrize("metric", VARIANTS.values(), ids=VARIANTS)
@settings(max_examples=25, deadline=None)
@given(samples=pairs)
def test_statistics_do_not_depend_on_what_else_is_in_the_batch(
    metric: Metric, samples: list[tuple[str, str]]
) -> None:
    predictions = [prediction for prediction, _ in samples]
    references = [[reference] for _, reference in samples]
    together = statistics(metric, predictions, references)
    alone = [statistics(metric, [p], [r]) for p, r in zip(predictions, references, strict=True)]
    assert np.array_equal(together, np.concatenate(alone))


def test_statistics_of_a_pair_counted_by_hand() -> None:
    found = statistics(Bleu(), ["no no effusion."], [["no effusion, no edema."]])
    # matched: no ×2, effusion, full stop; of the pairs only "no effusion"
    assert [[4, 1, 0, 0, 4, 3, 2, 1, 4, 6]] == found.tolist()


def test_an_n_gram_counts_at_most_as_often_as_in_one_reference() -> None:
    found = statistics(Bleu(), ["no no no"], [["no clear", "no no clear", "clear"]])
    assert 2 == found[0, 0]


@pytest.mark.parametrize(("length", "expected"), [("shortest", 1), ("closest", 3)])
def test_reference_length_of_several_references(length: str, expected: int) -> None:
    found = statistics(Bleu(length=length), ["a b c d"], [["a", "a b c", "a b c d e"]])
    assert expected == found[0, 9]


def test_identical_texts_score_exactly_one() -> None:
    text = "the heart is normal in size"
    assert [1.0] * 4 == list(Bleu().score([text], [text]).values())
    assert [1.0] * 4 == list(Bleu(**SACREBLEU).score([text], [text]).values())


def test_an_empty_corpus_side_scores_zero() -> None:
    for prediction, reference in (("", "no effusion"), ("no effusion", ""), ("", "")):
        for metric in VARIANTS.values():
            # RadEval's constants leave a trace against an empty reference
            found = list(metric.score([prediction], [reference]).values())
            assert [0.0] * len(found) == pytest.approx(
                found, abs=1e-9 if metric is VARIANTS["radeval"] else 0
            )


def test_reduce_keeps_leading_axes() -> None:
    found = statistics(Bleu(), ["a b c d e", "a b"], [["a b c d e"], ["b a"]])
    totals = np.stack((found, found * 3))
    assert (2, 2, 4) == Bleu().reduce(totals).shape
    assert np.array_equal(Bleu().reduce(found[1]), Bleu().reduce(totals)[0, 1])


def test_a_text_of_3000_words_is_scored() -> None:
    words = [f"w{i % 700}" for i in range(3000)]
    scores = Bleu().score([" ".join(words)], [" ".join(words[1500:] + words[:1500])])
    # the order changes at two seams: one n-gram of n-1 tokens across each is lost
    assert 1.0 == scores["bleu1"]
    assert 0.999 < scores["bleu4"] < 1.0


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="no length 'longest'"):
        Bleu(length="longest")


def test_spans_mark_shared_runs_in_the_raw_texts_of_both_sides() -> None:
    prediction, reference = (
        "Stable. No worsened/increased effusion!",
        "Well, no worsenedincreased x.",
    )
    spans = Bleu(treatment="libra").spans(prediction, [reference])
    pieces = [
        ({"prediction": prediction, "reference": reference}[s.side])[s.start : s.end] for s in spans
    ]
    assert ["No worsened/increased", "no worsenedincreased"] == pieces
    assert {("matched", "n-gram of 2")} == {(span.kind, span.label) for span in spans}


@given(texts, texts)
def test_spans_lie_within_the_raw_texts(prediction: str, reference: str) -> None:
    for metric in (Bleu(), Bleu(treatment="libra"), Bleu(tokens="ptb")):
        for span in metric.spans(prediction, [reference]):
            text = {"prediction": prediction, "reference": reference}[span.side]
            assert 0 <= span.start < span.end <= len(text)
