"""Visual question answering: exact match, accuracy of closed and recall of open questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from metrics._vqa_answers import YES_NO, answer_parts, answer_words, is_closed
from metrics.errors import InputError
from metrics.metric import FloatArray, Metric, MetricInfo, Output, ratio
from metrics.samples import Samples

_COUNTINGS = ("answers", "script")
_Pair = tuple[float, float]


@dataclass(frozen=True)
class _Answer:
    """An answer as it stands for each of the scores."""

    words: list[str]
    parts: frozenset[str]


@dataclass(frozen=True)
class Vqa(Metric):
    """Scores of short answers to questions about images; each is a mean over questions.

    - ``vqa_exact_match``: the answer equals the reference, over all questions. Both are split at
      commas into parts whose order does not matter; letter case, articles, punctuation and
      number words do not count (`answer_words`).
    - ``vqa_closed_accuracy``, over closed questions: the first "yes" or "no" of the answer is the
      reference's; where the reference is neither, the answer has its words in a row.
    - ``vqa_token_recall``, over open questions with an answer: share of the reference's words
      that the answer has.

    A question is closed if the sample's tag ``answer_type`` says so (CLOSED or yes/no; OPEN,
    other and number are open); without the tag, if all its references are "yes" or "no". Of
    several references, the one with the best score counts.

    ``counting`` "answers" is what LLaVA-Med's paper says it measures. "script" is what its
    evaluation script computes: "no" is found in "normal", closed questions that are answered with
    the wrong one of yes and no are not counted, a word counts for recall as often as the answer
    repeats it, and its exact match is the share of the answer's words that the reference has, over
    open questions.

    Source: Li et al. 2023 (arXiv 2306.00890); microsoft/LLaVA-Med at ad758b6,
    ``llava/eval/run_eval.py`` and ``llava/eval/eval_metrics/evaluate_metrics.py``. Its "open
    accuracy", which needs the list of all answers, is left out.

    >>> Vqa().score(["Yes, it is.", "left lung"], ["yes", "left lower lung"])
    {'vqa_exact_match': 0.0, 'vqa_closed_accuracy': 1.0, 'vqa_token_recall': 0.6666666666666666}
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="vqa",
        outputs=(
            Output("vqa_exact_match", count_column=1),
            Output("vqa_closed_accuracy", count_column=3),
            Output("vqa_token_recall", count_column=5),
        ),
        version=1,
        empty="an empty answer is wrong; an empty reference equals an empty answer, and has no "
        "words to recall (script: recall 0)",
        source="github.com/microsoft/LLaVA-Med, llava/eval",
    )
    counting: str = "answers"

    def __post_init__(self) -> None:
        if self.counting not in _COUNTINGS:
            raise InputError(
                f"counting is {self.counting!r}. Write one of {', '.join(_COUNTINGS)}."
            )

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 6): score and 1 if counted, for each output in order."""
        predicted = samples.map_predictions("vqa_answers", _answers)
        wanted = samples.regroup(samples.map_references("vqa_answers", _answers))
        tags = samples.tags if samples.tags is not None else [{}] * len(samples)
        count = _by_script if self.counting == "script" else _by_answer
        rows = [
            count(answer, references, is_closed(name, tag, [one.words for one in references]))
            for name, answer, references, tag in zip(
                samples.ids, predicted, wanted, tags, strict=True
            )
        ]
        return np.array(rows, float).reshape(-1, 6)

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the means, shape (..., 3), from sums of shape (..., 6)."""
        return ratio(totals[..., 0::2], totals[..., 1::2])


def _answers(texts: list[str]) -> list[_Answer]:
    return [_Answer(answer_words(text), answer_parts(text)) for text in texts]


def _by_answer(answer: _Answer, references: Sequence[_Answer], closed: bool) -> list[float]:
    exact = (float(any(answer.parts == one.parts for one in references)), 1.0)
    if closed:
        right = any(_is_right(answer.words, one.words) for one in references)
        return [*exact, float(right), 1, 0, 0]
    shares = [_share_found(answer.words, one.words) for one in references if one.words]
    recall = (max(shares), 1.0) if shares else (0.0, 0.0)
    return [*exact, 0, 0, *recall]


def _is_right(answer: list[str], reference: list[str]) -> bool:
    if len(reference) == 1 and reference[0] in YES_NO:
        return next((word for word in answer if word in YES_NO), None) == reference[0]
    width = len(reference)
    starts = range(len(answer) - width + 1)
    return width > 0 and any(answer[start : start + width] == reference for start in starts)


def _share_found(answer: list[str], reference: list[str]) -> float:
    """Return the share of the reference's words, repeated ones as often, that the answer has."""
    found = frozenset(answer)
    return sum(word in found for word in reference) / len(reference)


def _by_script(answer: _Answer, references: Sequence[_Answer], closed: bool) -> list[float]:
    if closed:
        return [0, 0, *max(_script_hit(answer.words, one.words) for one in references), 0, 0]
    precision = max(_script_exact(answer.words, one.words) for one in references)
    recall = max(_script_recall(answer.words, one.words) for one in references)
    return [precision, 1, 0, 0, recall, 1]


def _script_hit(answer: list[str], reference: list[str]) -> _Pair:
    text = " ".join(answer)
    if not any(word in text for word in YES_NO):
        return 0.0, 1.0
    return (1.0, 1.0) if " ".join(reference) in text else (0.0, 0.0)


def _script_exact(answer: list[str], reference: list[str]) -> float:
    return len(frozenset(answer) & frozenset(reference)) / len(answer) if answer else 0.0


def _script_recall(answer: list[str], reference: list[str]) -> float:
    said = Counter(answer)
    found = sum(said[word] for word in frozenset(reference))
    missed = sum(word not in said for word in reference)
    return found / (found + missed) if found else 0.0
