from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics._chrf import Chrf
from metrics.official import chrf
from metrics.samples import Samples, TestSet
from tests.strategies import texts

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "lexical_cases.json").read_text("utf-8")
)
several = st.lists(
    st.tuples(texts, st.lists(texts, min_size=1, max_size=3)), min_size=1, max_size=5
)


def statistics(predictions: list[str], references: list[list[str]]) -> Any:
    test_set = TestSet([str(i) for i in range(len(predictions))], references)
    return Chrf().statistics(Samples.of(predictions, test_set))


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["id"])
def test_scores_equal_sacrebleu_on_odd_texts(case: dict[str, Any]) -> None:
    found = Chrf().reduce(statistics([case["prediction"]], [case["references"]]).sum(0))
    assert case["scores"]["sacrebleu"]["chrf"] == pytest.approx(found[0], abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(several)
def test_scores_equal_sacrebleu_on_any_texts(samples: list[tuple[str, list[str]]]) -> None:
    predictions, references = map(list, zip(*samples, strict=True))
    official = chrf.scores(predictions, references)
    found = statistics(predictions, references)
    assert official.corpus["chrf"] == pytest.approx(Chrf().reduce(found.sum(0))[0], abs=1e-12)
    each = Chrf().per_sample(found)[:, 0]
    assert official.per_sample["chrf"] == pytest.approx(each, abs=1e-12)


def test_counts_leave_out_white_space() -> None:
    found = statistics(["a b"], [["ab\u00a0c"]])
    assert [2, 3, 2, 1, 2, 1, 0, 1, 0, 0, 0, 0] == found[0, :12].tolist()


def test_of_equal_references_the_first_counts() -> None:
    one = statistics(["no"], [["no", "no"]])
    assert np.array_equal(one, statistics(["no"], [["no"]]))


def test_lone_surrogates_are_characters_like_others() -> None:
    assert {"chrf": 1.0} == Chrf().score(["a\ud800b"], ["a\ud800b"])
