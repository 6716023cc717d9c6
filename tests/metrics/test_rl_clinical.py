"""Rewards of metrics that read texts with a model: tiny models with random weights."""

from __future__ import annotations

import pytest

from metrics import InputError, score
from metrics.rl import reward_function
from tests.tiny_weights import tiny_weights

__all__ = ["tiny_weights"]

pytestmark = pytest.mark.usefixtures("tiny_weights")

COMPLETIONS = ["There is a small effusion.", "The lungs are clear.", "Mild cardiomegaly."]
REFERENCES = ["There is no effusion.", "The lungs are clear.", "The heart is enlarged."]
LOWER = ("radcliq_v0", "radcliq_v1")


@pytest.mark.parametrize(
    "name",
    ["radgraph_partial", "chexbert_micro_f1_14", "semb_score", "ratescore", "bertscore_f1", *LOWER],
)
def test_a_clinical_reward_is_the_samples_own_score(name: str) -> None:
    reward = reward_function(name)
    got = reward(prompts=[""] * 3, completions=COMPLETIONS, references=REFERENCES)
    table = score(COMPLETIONS, REFERENCES, metrics=[name], resamples=0)
    sign = -1 if name in LOWER else 1
    assert (sign * table.per_sample["system"][name]).tolist() == got
    alone = [reward([c], [r])[0] for c, r in zip(COMPLETIONS, REFERENCES, strict=True)]
    assert alone == got


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("radgraph_partial", {"radgraph": {"matching": "github"}}),
        ("radgraph_partial", {"radgraph": {"annotator": "radgraph-xl"}}),
        ("ratescore", {"ratescore": {"matrix": "short"}}),
        ("bertscore_f1", {"bertscore": {"idf": True}}),
    ],
)
def test_settings_of_a_clinical_reward_are_those_of_the_score(
    name: str, settings: dict[str, dict[str, object]]
) -> None:
    reward = reward_function(name, settings=settings, corpus=REFERENCES)
    table = score(COMPLETIONS, REFERENCES, metrics=[name], settings=settings, resamples=0)
    assert table.per_sample["system"][name].tolist() == reward(COMPLETIONS, REFERENCES)
    (values,) = settings.values()
    for field, value in values.items():
        assert value == getattr(reward.metric, field)


def test_bertscore_that_weighs_words_needs_a_corpus() -> None:
    with pytest.raises(InputError, match="weighs words by all references"):
        reward_function("bertscore_f1", settings={"bertscore": {"idf": True}})
