from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics._meteor import Meteor
from metrics.metric import FloatArray
from metrics.official import meteor
from metrics.samples import Samples, TestSet
from tests.hostile_words import hostile_texts
from tests.strategies import report_like

GOLDEN_FOLDER = Path(__file__).parents[1] / "golden"
CASES = json.loads((GOLDEN_FOLDER / "meteor_cases.json").read_text("utf-8"))["cases"]
SYNONYMS = json.loads((GOLDEN_FOLDER / "meteor_synonyms.json").read_text("utf-8"))["synonyms"]
# Words of few synsets, so that equal words, equal stems and synonyms compete for places.
RELATED = [name.lower() for form in ("clear", "best", "comics", "men") for name in SYNONYMS[form]]
related = st.lists(
    st.tuples(st.sampled_from(RELATED), st.sampled_from(["", "", "s", "ed", ".", ","])).map(
        "".join
    ),
    max_size=30,
).map(" ".join)
texts = related | report_like | hostile_texts
samples = st.lists(
    st.tuples(texts, st.lists(texts, min_size=1, max_size=3)), min_size=1, max_size=6
)


def per_sample(
    predictions: list[str], references: list[list[str]], treatment: str = "raw"
) -> FloatArray:
    test_set = TestSet([str(i) for i in range(len(predictions))], references)
    return Meteor(treatment).statistics(Samples.of(predictions, test_set))[:, 0]


@pytest.mark.parametrize("treatment", ["raw", "libra"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_scores_equal_the_hubs_on_odd_texts(case: dict[str, Any], treatment: str) -> None:
    found = per_sample([case["prediction"]], [case["references"]], treatment)
    assert case["scores"][treatment] == pytest.approx(found[0], abs=1e-12)


@settings(max_examples=200, deadline=None)
@given(samples=samples)
def test_scores_equal_nltks_to_the_last_bit(samples: list[tuple[str, list[str]]]) -> None:
    predictions, references = map(list, zip(*samples, strict=True))
    official = meteor.scores(predictions, references)
    found = per_sample(predictions, references)
    assert official.per_sample["meteor"] == found.tolist()
    assert official.corpus["meteor"] == pytest.approx(float(found.mean()), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(samples=samples)
def test_a_sample_scores_alike_alone_and_among_others(
    samples: list[tuple[str, list[str]]],
) -> None:
    predictions, references = map(list, zip(*samples, strict=True))
    together = per_sample(predictions, references)
    alone = [per_sample([p], [r])[0] for p, r in samples]
    assert alone == together.tolist()


def test_scores_do_not_depend_on_how_many_pairs_are_aligned_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predictions = [case["prediction"] for case in CASES]
    references = [case["references"] for case in CASES]
    together = per_sample(predictions, references)
    monkeypatch.setattr("metrics._meteor._PAIRS_AT_ONCE", 3)
    assert together.tolist() == per_sample(predictions, references).tolist()


def test_an_empty_side_scores_0_and_a_test_set_without_samples_is_undefined() -> None:
    empty = per_sample(["", "clear", "", " \n"], [["clear"], [""], [""], ["clear"]])
    assert [0.0, 0.0, 0.0, 0.0] == empty.tolist()
    assert np.isnan(Meteor().reduce(np.zeros(2)))[0]


def test_identical_texts_lose_half_over_the_cube_of_their_length() -> None:
    for words in (["clear"], ["lungs", "clear"], ["the", "lungs", "are", "clear"]):
        text = " ".join(words)
        assert 1 - 0.5 / len(words) ** 3 == per_sample([text], [[text]])[0]


def test_the_best_of_several_references_counts() -> None:
    references = ["no effusion", "lungs are clear", ""]
    single = [per_sample(["lungs are clear"], [[text]])[0] for text in references]
    assert max(single) == per_sample(["lungs are clear"], [references])[0]


def test_synonyms_are_looked_up_for_the_prediction_only() -> None:
    assert [0.5, 0.0] == per_sample(["best", "good"], [["good"], ["best"]]).tolist()


def test_synonyms_are_looked_up_for_stems() -> None:
    # "image" has synonyms, its stem "imag" has none.
    assert [0.5, 0.0] == per_sample(["clear", "image"], [["clean"], ["picture"]]).tolist()


def test_scoring_imports_neither_nltk_nor_regex_and_ignores_the_hash_seed() -> None:
    code = (
        "import sys; from metrics._meteor import Meteor; "
        "print(Meteor().score(['pass through clear earned light'], ['top net gain clean passes']), "
        "[m for m in ('nltk', 'regex', 'pandas') if m in sys.modules])"
    )
    seen = set()
    for seed in ("0", "1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        seen.add(done.stdout)
    assert 1 == len(seen)
    assert "[]" == seen.pop().strip()[-2:]
