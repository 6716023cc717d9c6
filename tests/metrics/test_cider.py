from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from metrics._cider import Cider
from metrics.errors import InputError
from metrics.metric import FloatArray
from metrics.official import cider
from metrics.samples import Samples, TestSet
from metrics.tokens.ptb import line
from tests.strategies import report_like, texts

several = st.lists(
    st.tuples(texts | report_like, st.lists(texts | report_like, min_size=1, max_size=3)),
    min_size=1,
    max_size=6,
)


def sample_set(predictions: list[str], references: list[list[str]]) -> Samples:
    return Samples.of(predictions, TestSet([str(i) for i in range(len(predictions))], references))


def scores(samples: Samples) -> FloatArray:
    return Cider().fit(samples).statistics(samples)[:, 0]


@settings(max_examples=80, deadline=None)
@given(several)
def test_scores_equal_cocos_scorer_on_the_same_tokens(
    samples: list[tuple[str, list[str]]],
) -> None:
    predictions = [line(prediction) for prediction, _ in samples]
    references = [[line(text) for text in several_texts] for _, several_texts in samples]
    assume(any(text for several_texts in references for text in several_texts))
    official = cider.tokenised_scores(predictions, references)
    found = scores(sample_set(*map(list, zip(*samples, strict=True))))
    assert official.per_sample["cider"] == pytest.approx(found, abs=1e-12)
    assert official.corpus["cider"] == pytest.approx(found.mean(), abs=1e-12)


def test_weights_come_from_all_references_and_stay_for_subsets() -> None:
    predictions = ["no effusion", "small effusion seen", "edema", ""]
    references = [["no effusion"], ["small effusion", "effusion seen"], ["no edema"], ["clear"]]
    everything = sample_set(predictions, references)
    fitted = Cider().fit(everything)
    alone = [
        fitted.statistics(sample_set([p], [r]))
        for p, r in zip(predictions, references, strict=True)
    ]
    assert np.array_equal(fitted.statistics(everything), np.concatenate(alone))


def test_a_fitted_metric_survives_the_way_to_another_process() -> None:
    samples = sample_set(["no effusion", "edema"], [["no effusion"], ["no edema"]])
    fitted = Cider().fit(samples)
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(fitted.statistics(samples), copy.statistics(samples))
    assert Cider().signature == copy.signature
    assert Cider() == copy


def test_identical_texts_of_different_studies_score_ten() -> None:
    found = scores(sample_set(["a b c d", "e f g h"], [["a b c d"], ["e f g h"]]))
    assert [10.0, 10.0] == pytest.approx(found, abs=1e-12)


def test_references_without_any_token_score_zero() -> None:
    assert [0.0, 0.0] == scores(sample_set(["no effusion", ""], [[""], ["."]])).tolist()


def test_an_unfitted_metric_says_so() -> None:
    with pytest.raises(InputError, match="Call fit with the whole test set"):
        Cider().statistics(sample_set(["a"], [["a"]]))


@pytest.mark.reference
def test_scores_equal_the_whole_official_chain_with_java() -> None:
    predictions = ["The heart isn't enlarged (5.5 cm).", "No effusion vs. prior.", "Stable."]
    references = [
        ["Heart size is normal."],
        ["No effusion, e.g. none vs. prior."],
        ["Stable, A/P."],
    ]
    official = cider.scores(predictions, references)
    found = scores(sample_set(predictions, references))
    assert official.per_sample["cider"] == pytest.approx(found, abs=1e-12)
