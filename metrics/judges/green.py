"""GREEN: what its judge answers, read as the official code reads it, and the score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from metrics.errors import InputError

ERROR_LETTERS = ("a", "b", "c", "d", "e", "f")
"""False finding, missing finding, wrong place, wrong severity, comparison that the reference has
not, comparison left out."""
MAX_WORDS = 300
"""Words of a report that the judge is shown."""
_SIGNIFICANT = "Clinically Significant Errors"
_INSIGNIFICANT = "Clinically Insignificant Errors"
_MATCHED = "Matched Findings"
_EXPLANATION = "[Explanation]:"
_ASSISTANT = "<|assistant|>"
_COUNT = re.compile(r"(?<=: )\b\d+\b(?=\.)")
_LEADING_NUMBER = re.compile(r"\d+(?=\.)")
_MOST_DIGITS = 9
"""A longer count is the model stuck on a digit."""


class GreenVerdict(TypedDict):
    """Counts of the six kinds of error, of matched findings, and GREEN's score."""

    significant: list[int]
    insignificant: list[int]
    matched: int
    score: float


class GreenSummary(TypedDict):
    """What GREEN reports of many pairs."""

    n: int
    mean: float
    std: float
    accuracy: dict[str, float]


def parse_green(answer: str) -> GreenVerdict:
    r"""Return the counts and the score that GREEN reads from its judge's answer.

    A section or a count that cannot be read is 0, as published: an answer without the section of
    significant errors scores 1 if it has matched findings. `green_problem` tells such answers.

    Parameters
    ----------
    answer
        What follows the judge's explanation heading; `clean_green` cuts it out.

    Returns
    -------
    GreenVerdict
        ``score`` is matched findings over matched findings and significant errors, 0 without a
        matched finding.

    Raises
    ------
    InputError
        If ``answer`` is not a string.

    Source: Ostmeier et al. 2024 (arXiv 2405.03595); github.com/Stanford-AIMI/GREEN at d72c195.

    >>> parse_green("[Clinically Significant Errors]:\n(b) Missing: 1. Edema\n\n"
    ...             "[Matched Findings]:\n3. Clear lungs; ...")["score"]
    0.75
    """
    if not isinstance(answer, str):
        raise InputError(f"The judge's answer is of type {type(answer).__name__}, not a text.")
    significant = _error_counts(_section(answer, _SIGNIFICANT))
    matched = _matched_count(_section(answer, _MATCHED))
    return {
        "significant": significant,
        "insignificant": _error_counts(_section(answer, _INSIGNIFICANT)),
        "matched": matched,
        "score": matched / (matched + sum(significant)) if matched else 0.0,
    }


def clean_green(raw: str) -> str:
    """Return the answer in what a model wrote, which may begin with the whole prompt."""
    answer = raw
    if _EXPLANATION in answer:
        answer = answer.split(_ASSISTANT)[-1]
        # a prompt that was echoed has the placeholder, and its heading is the one that is taken
        echoed = f"{_EXPLANATION}\n    <Explanation>\n" in answer
        answer = answer.split(_EXPLANATION)[1 if echoed else -1]
    answer = answer.split(_ASSISTANT)[-1]
    return answer.replace("</s>", "").replace("<unk>", "")


def missing_sections(answer: str) -> list[bool]:
    """Return which sections are not there: significant, insignificant errors, matched findings."""
    return [_section(answer, name) is None for name in (_SIGNIFICANT, _INSIGNIFICANT, _MATCHED)]


def green_problem(answer: str) -> str | None:
    """Return why an answer is no verdict, or None; the published reading makes zeros of it."""
    significant, matched = _section(answer, _SIGNIFICANT), _section(answer, _MATCHED)
    if significant is None or matched is None:
        return "a section is missing"
    lines = re.findall(r"\([a-f1-6]\) .*", significant)
    counts = [count for line in lines for count in _COUNT.findall(line)]
    if not counts and not significant.startswith("No"):
        return "no count of significant errors can be read"
    number = _LEADING_NUMBER.match(matched)
    if number is None and not matched.startswith("No"):
        return "no count of matched findings can be read"
    numbers = [*counts, number.group() if number else ""]
    if max(map(len, numbers)) > _MOST_DIGITS:
        return "a count is absurd"
    return None


def summarise(verdicts: Sequence[GreenVerdict]) -> GreenSummary:
    """Return GREEN's summary of verdicts: n, mean, population standard deviation, accuracies.

    The accuracy of a kind of error is the share of pairs without a significant one. The official
    object loses its names of the kinds at the first answer without a lettered line, and then says
    1.0 for all; that is not copied.
    """
    scores = np.array([verdict["score"] for verdict in verdicts], float)
    counts = np.array([verdict["significant"] for verdict in verdicts]).reshape(-1, 6)
    if not len(scores):
        nothing = float("nan")
        return {"n": 0, "mean": nothing, "std": nothing, "accuracy": {}}
    shares = (counts == 0).mean(axis=0).tolist()
    return {
        "n": len(scores),
        "mean": float(scores.mean()),
        "std": float(scores.std()),
        "accuracy": dict(zip(ERROR_LETTERS, shares, strict=True)),
    }


def render_green_chat(prompt: str, end: str) -> str:
    """Return the prompt as GREEN's own models were asked.

    An empty answer stands before the one that is asked for.
    """
    return f"<|user|>\n{prompt}{end}\n{_ASSISTANT}\n{end}\n{_ASSISTANT}\n"


def shorten(report: str) -> str:
    """Return the report's first words, with single blanks between them."""
    return " ".join(report.split()[:MAX_WORDS])


def _section(answer: str, heading: str) -> str | None:
    """Return the text below a heading up to a blank line; an empty one takes what follows it."""
    found = re.search(rf"\[{heading}\]:\s*(.*?)(?:\n\s*\n|\Z)", answer, re.DOTALL)
    return None if found is None else found.group(1)


def _error_counts(section: str | None) -> list[int]:
    if section is None or section.startswith("No"):
        return [0] * len(ERROR_LETTERS)
    for marks in ("abcdef", "123456"):
        lines = sorted(re.findall(rf"\([{marks}]\) .*", section))
        if lines:
            return [_last_count(lines, f"({mark}) ") for mark in marks]
    return [0] * len(ERROR_LETTERS)


def _last_count(lines: Sequence[str], start: str) -> int:
    counts = [_COUNT.search(line) for line in lines if line.startswith(start)]
    return next((int(one.group()) for one in reversed(counts) if one is not None), 0)


def _matched_count(section: str | None) -> int:
    if section is None or section.startswith("No"):
        return 0
    number = _LEADING_NUMBER.match(section)
    return int(number.group()) if number else 0
