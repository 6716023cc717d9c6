"""Whatever is handed in as texts and is none: one InputError, at every public function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from metrics import (
    InputError,
    bertscore,
    bleu,
    chexbert_f1,
    direction_confusion,
    evaluate_report,
    radgraph_f1,
    score,
    temporal_f1_score,
)
from metrics.registry import metric_class
from metrics.rl import reward_function

PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    "score": score,
    "bleu": bleu,
    "bertscore": bertscore,
    "radgraph_f1": radgraph_f1,
    "chexbert_f1": chexbert_f1,
    "temporal_f1_score": temporal_f1_score,
    "direction_confusion": direction_confusion,
    "reward": reward_function("rougeL"),
    "Metric.score": metric_class("rougeL")().score,
}
WRONG: dict[str, tuple[Any, str]] = {
    "None": (None, "is None|no column"),
    "number": (5, "of type int"),
    "text": ("t", "one string"),
    "bytes": (b"t", r"\[0\] is of type int"),
    "set": ({"t"}, "of type set"),
    "list of None": ([None], r"\[0\] is None"),
    "list of NaN": ([float("nan")], r"\[0\] is of type float"),
    "list of numbers": ([3], r"\[0\] is of type int"),
    "list of bytes": ([b"t"], r"\[0\](\[0\])? is of type (bytes|int)"),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", PAIRS)
def test_predictions_that_are_no_texts_are_refused(name: str, wrong: str) -> None:
    given, told = WRONG[wrong]
    with pytest.raises(InputError, match=f"(predictions|completions).*({told})"):
        PAIRS[name](given, ["t"])


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", PAIRS)
def test_references_that_are_no_texts_are_refused(name: str, wrong: str) -> None:
    given, told = WRONG[wrong]
    with pytest.raises(InputError, match=f"references.*({told})"):
        PAIRS[name](["t"], given)


@pytest.mark.parametrize("name", sorted(PAIRS.keys() - {"score"}))
def test_keys_of_a_mapping_are_no_texts(name: str) -> None:
    with pytest.raises(InputError, match=r"(predictions|completions) is of type dict"):
        PAIRS[name]({"t": 1}, ["t"])


def test_a_system_without_a_list_of_texts_is_refused() -> None:
    with pytest.raises(InputError, match="predictions is of type int"):
        score({"system": 1}, ["t"])


@pytest.mark.filterwarnings("ignore:Bert_score is None")
@pytest.mark.parametrize("wrong", [None, 5, [None], [3]])
def test_evaluate_report_refuses_what_is_no_text(wrong: Any) -> None:
    with pytest.raises(InputError, match="references"):
        evaluate_report(wrong, ["t"])
    with pytest.raises(InputError, match="predictions"):
        evaluate_report(["t"], wrong)


@pytest.mark.parametrize("wrong", [["t"], b"t", ("t",)])
def test_a_completion_without_messages_is_no_reward_of_zero(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"completions\[0\] is of type"):
        reward_function("rougeL")([wrong], ["t"])
