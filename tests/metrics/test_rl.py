"""Metrics as rewards: one number per completion, in the form that TRL calls."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from metrics import score
from metrics.errors import InputError, MissingError
from metrics.metric import FloatArray, Metric, MetricInfo, Output
from metrics.registry import ENTRIES, Entry
from metrics.rl import reward_function
from metrics.samples import Samples

COMPLETIONS = ["no effusion", "clear", "", "The heart is enlarged."]
REFERENCES = ["no pleural effusion", "clear", "no edema", "The heart is normal."]


@pytest.mark.parametrize("name", ["bleu4", "meteor", "rougeL", "chrf", "temporal_f1"])
def test_a_reward_is_the_samples_own_score(name: str) -> None:
    table = score(COMPLETIONS, REFERENCES, metrics=[name], resamples=0)
    expected = table.per_sample["system"][name].tolist()
    assert expected == reward_function(name)(COMPLETIONS, REFERENCES)


def test_trl_hands_in_prompts_and_columns_by_keyword() -> None:
    reward = reward_function("rougeL")
    got = reward(
        prompts=["p"] * 4,
        completions=COMPLETIONS,
        completion_ids=[[1]] * 4,
        references=REFERENCES,
        trainer_state=None,
    )
    assert [0.8, 1.0, 0.0, 0.75] == pytest.approx(got)


def test_the_column_of_the_references_can_be_named() -> None:
    reward = reward_function("rougeL", column="findings")
    assert [1.0] == reward(completions=["clear"], prompts=["p"], findings=["clear"])


def test_missing_references_name_the_column() -> None:
    with pytest.raises(InputError, match="no column 'references'"):
        reward_function("rougeL")(completions=["clear"], prompts=["p"])


def test_conversational_completions_are_read() -> None:
    messages = [
        [{"role": "assistant", "content": "no effusion"}],
        [
            {"role": "assistant", "content": "let me look"},
            {"role": "tool", "content": "noise"},
            {"role": "assistant", "content": [{"type": "text", "text": "clear"}]},
        ],
        [{"role": "assistant", "content": None}],
    ]
    reward = reward_function("rougeL")
    assert reward(COMPLETIONS[:3], REFERENCES[:3]) == reward(messages, REFERENCES[:3])


def test_several_references_may_be_given() -> None:
    assert [1.0] == reward_function("rougeL")(["clear"], [["no effusion", "clear"]])


def test_an_empty_batch_has_no_rewards() -> None:
    assert [] == reward_function("rougeL")([], [])


def test_a_reward_does_not_depend_on_the_batch() -> None:
    reward = reward_function("meteor")
    alone = [reward([c], [r])[0] for c, r in zip(COMPLETIONS, REFERENCES, strict=True)]
    assert alone == reward(COMPLETIONS, REFERENCES)


def test_an_undefined_reward_is_refused_with_its_index() -> None:
    reward = reward_function("temporal_direction_f1")
    with pytest.raises(InputError, match=r"undefined for completions\[1\] \(1 of 2"):
        reward(["The effusion increased.", "clear"], ["The effusion increased.", "clear"])


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="2 predictions for 1 references"):
        reward_function("rougeL")(["a", "b"], ["a"])


def test_what_is_no_text_is_refused_without_quoting_it() -> None:
    with pytest.raises(InputError, match=r"completions\[0\] is of type int"):
        reward_function("rougeL")([5], ["a"])  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"references\[0\] is None"):
        reward_function("rougeL")(["a"], [None])  # type: ignore[list-item]


@pytest.mark.parametrize("name", ["bleu", "libra", "temporal", "vqa", "libra/bleu", "radcliq"])
def test_a_name_of_several_outputs_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="A reward is one"):
        reward_function(name)


@pytest.mark.parametrize(
    ("name", "own"),
    [("BLEU-4", "bleu4"), ("libra/bleu4", "bleu4"), ("temporal_f1", "temporal_f1")],
)
def test_names_as_papers_print_them_are_known(name: str, own: str) -> None:
    assert own == reward_function(name).__name__


def test_unknown_names_offer_the_nearest() -> None:
    with pytest.raises(InputError, match="meteor"):
        reward_function("meteo")


@pytest.mark.parametrize(
    ("name", "settings"),
    [("rougeL", {"rougeL": {"beta": 3.0}}), ("bleu4", {"bleu": {"smoothing": "exp"}})],
)
def test_settings_are_those_of_the_score(name: str, settings: dict[str, dict[str, object]]) -> None:
    table = score(COMPLETIONS, REFERENCES, metrics=[name], settings=settings, resamples=0)
    got = reward_function(name, settings=settings)(COMPLETIONS, REFERENCES)
    assert table.per_sample["system"][name].tolist() == got
    assert reward_function(name)(COMPLETIONS, REFERENCES) != got


def test_settings_go_before_those_of_the_protocol() -> None:
    given = {"bleu": {"smoothing": "exp"}}
    reward = reward_function("bleu4", protocol="coco", settings=given)
    assert "|smoothing:exp|" in reward.metric.signature
    assert "|tokens:ptb|" in reward.metric.signature


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"rougeL": {"betta": 3.0}}, "Did you mean 'beta'"),
        ({"rougeL": {"beta": "large"}}, "Write a number"),
        ({"bleu": {"smoothing": "exp"}}, "which is not computed here"),
        ({"rouge": {"beta": 3.0}}, "unknown metric 'rouge'"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, dict[str, object]], told: str) -> None:
    with pytest.raises(InputError, match=told):
        reward_function("rougeL", settings=settings)


def test_word_weights_need_a_corpus() -> None:
    with pytest.raises(InputError, match="corpus"):
        reward_function("cider")
    reward = reward_function("cider", corpus=REFERENCES)
    table = score(COMPLETIONS, REFERENCES, metrics=["cider"], resamples=0)
    assert table.per_sample["system"]["cider"].tolist() == reward(COMPLETIONS, REFERENCES)
    assert reward(COMPLETIONS, REFERENCES)[:1] == reward(COMPLETIONS[:1], REFERENCES[:1])


@pytest.mark.parametrize(
    ("corpus", "told"),
    [([], "is an empty list"), ("abc", "is one string"), ([3], "is of type int")],
)
def test_a_corpus_without_texts_is_refused(corpus: list[str], told: str) -> None:
    with pytest.raises(InputError, match=f"corpus.*{told}"):
        reward_function("cider", corpus=corpus)


def test_absent_weights_are_named_before_training_starts() -> None:
    with pytest.raises(MissingError, match="radgraph"):
        reward_function("radgraph_partial")


@dataclass(frozen=True)
class WordsMissed(Metric):
    """Words of the reference that the prediction lacks: fewer are better."""

    info: ClassVar[MetricInfo] = MetricInfo(
        "words_missed", (Output("words_missed", "lower", (0.0, np.inf)),), 1, "misses all", "a test"
    )

    def statistics(self, samples: Samples) -> FloatArray:
        pairs = zip(samples.predictions, samples.flat_references, strict=True)
        missed = [len(set(r.split()) - set(p.split())) for p, r in pairs]
        return np.array([[m, 1] for m in missed], np.float64)

    def reduce(self, totals: FloatArray) -> FloatArray:
        return totals[..., :1] / totals[..., 1:]


def test_where_lower_is_better_the_score_is_negated(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry("tests.metrics.test_rl:WordsMissed", ("words_missed",))
    monkeypatch.setitem(ENTRIES, "words_missed", entry)
    assert [-1.0, 0.0] == reward_function("words_missed")(COMPLETIONS[:2], REFERENCES[:2])


def test_rewards_can_be_pickled() -> None:
    reward = reward_function("rougeL")
    copy = pickle.loads(pickle.dumps(reward))
    assert np.array_equal(reward(COMPLETIONS, REFERENCES), copy(COMPLETIONS, REFERENCES))


@pytest.mark.parametrize("name", ["chexbert_macro_f1_14", "radcliq_v1_reciprocal"])
def test_an_output_without_a_score_for_one_sample_is_refused_before_training(name: str) -> None:
    with pytest.raises(InputError, match=rf"'{name}' has no score for one sample"):
        reward_function(name)
