"""Whether a system's predictions can be trusted to be what they should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from models.adapter import FAILED, TRUNCATED

Verdict = Literal["sound", "caution", "unsound"]

FEWEST = 20
"""Below this number of samples, shares of distinct and copied reports say nothing."""


@dataclass(frozen=True)
class Threshold:
    """Where a figure begins to call for caution, and from where a run is unsound."""

    caution: float
    unsound: float


ABSENT = Threshold(0.0, 0.05)
"""Share of missing and failed predictions, and of empty ones: none is the rule."""
CUT = Threshold(0.01, 0.10)
"""Share of truncated predictions: a corpus score of reports without their end is no longer one."""
SAMENESS = Threshold(0.5, 0.1)
"""Share of distinct reports over the references' own share: a template is far below."""
LENGTH = Threshold(0.5, 0.2)
"""Mean words over the references' mean, or its inverse where predictions are longer."""
COPIES = Threshold(0.3, 0.9)
"""Share of predictions that equal their reference: the reference may have leaked."""


@dataclass(frozen=True)
class Figures:
    """Figures on one system's texts; shares are fractions, None where there is nothing to share.

    ``missing`` predictions do not exist and ``failed`` ones ended in an error; both are scored as
    empty, but are not counted in ``empty`` nor in the shares and means. ``truncated`` is None
    where no finish reason is known.
    """

    n: int
    missing: int
    failed: int
    empty: int
    truncated: int | None
    distinct_share: float | None
    reference_distinct_share: float | None
    words_mean: float | None
    reference_words_mean: float | None
    words_ratio: float | None
    copied_share: float | None


@dataclass(frozen=True)
class Soundness(Figures):
    """The figures with a verdict; ``reasons`` says in words what keeps it from ``sound``."""

    verdict: Verdict
    reasons: list[str]


def assess(
    predictions: Sequence[str | None],
    references: Sequence[Sequence[str]],
    finish_reasons: Sequence[str | None] | None = None,
    short_answers: bool = False,
) -> Soundness:
    """Return the figures and the verdict on one system.

    Parameters
    ----------
    predictions
        One text per sample; None where it is missing.
    references
        One or more texts per sample; lengths and distinctness are those of the first.
    finish_reasons
        Why each text ended, where known: ``error`` counts as failed, ``length`` as truncated.
    short_answers
        The texts answer questions: that many equal their reference is no sign of a leak.
    """
    figures = _figures(predictions, references, finish_reasons or [None] * len(predictions))
    found = [finding for finding in _findings(figures, short_answers) if finding]
    levels = [level for level, _ in found]
    verdict: Verdict = "unsound" if "unsound" in levels else "caution" if levels else "sound"
    return Soundness(**vars(figures), verdict=verdict, reasons=[reason for _, reason in found])


def _figures(
    predictions: Sequence[str | None],
    references: Sequence[Sequence[str]],
    finish_reasons: Sequence[str | None],
) -> Figures:
    answered = [
        (" ".join(text.split()), [" ".join(reference.split()) for reference in wanted])
        for text, wanted, why in zip(predictions, references, finish_reasons, strict=True)
        if text is not None and why != FAILED
    ]
    texts = [text for text, _ in answered]
    first = [wanted[0] for _, wanted in answered]
    told = [(text, wanted) for text, wanted in answered if text]
    words_mean, reference_words_mean = _words_mean(texts), _words_mean(first)
    return Figures(
        n=len(predictions),
        missing=sum(text is None for text in predictions),
        failed=sum(why == FAILED for why in finish_reasons),
        empty=len(texts) - len(told),
        truncated=_truncated(finish_reasons),
        distinct_share=_over(len(set(texts)), len(texts)),
        reference_distinct_share=_over(len(set(first)), len(first)),
        words_mean=words_mean,
        reference_words_mean=reference_words_mean,
        words_ratio=_over(words_mean, reference_words_mean),
        copied_share=_over(sum(text in wanted for text, wanted in told), len(told)),
    )


def _truncated(finish_reasons: Sequence[str | None]) -> int | None:
    """Return how many texts were cut; None where no reason is on record."""
    if all(why is None for why in finish_reasons):
        return None
    return sum(why == TRUNCATED for why in finish_reasons)


def _words_mean(texts: Sequence[str]) -> float | None:
    return _over(sum(len(text.split()) for text in texts), len(texts))


def _over(numerator: float | None, denominator: float | None) -> float | None:
    return None if numerator is None or not denominator else numerator / denominator


_Finding = tuple[Verdict, str] | None


def _findings(f: Figures, short_answers: bool) -> list[_Finding]:
    return [
        _too_many(f.missing, f.n, ABSENT, "predictions are missing and scored as empty"),
        _too_many(f.failed, f.n, ABSENT, "predictions failed and are scored as empty"),
        _too_many(f.empty, f.n, ABSENT, "predictions are empty"),
        _too_many(f.truncated, f.n, CUT, "predictions were cut at the limit of tokens"),
        _template(f),
        _length(f.words_ratio),
        None if short_answers else _copies(f),
    ]


def _too_many(count: int | None, n: int, limit: Threshold, what: str) -> _Finding:
    share = count / n if n and count is not None else 0.0
    if share <= limit.caution:
        return None
    return _level(share > limit.unsound), f"{count} of {n} {what}"


def _template(f: Figures) -> _Finding:
    relative = _over(f.distinct_share, f.reference_distinct_share)
    if f.n < FEWEST or relative is None or relative >= SAMENESS.caution:
        return None
    return _level(relative < SAMENESS.unsound), (
        f"only {f.distinct_share:.1%} of the reports are distinct "
        f"({f.reference_distinct_share:.1%} of the references)"
    )


def _length(words_ratio: float | None) -> _Finding:
    if words_ratio is None:
        return None
    nearness = min(words_ratio, 1 / words_ratio) if words_ratio else 0.0
    if nearness >= LENGTH.caution:
        return None
    return _level(nearness < LENGTH.unsound), (
        f"reports have {words_ratio:.2f} times the references' words on average"
    )


def _copies(f: Figures) -> _Finding:
    if f.n < FEWEST or f.copied_share is None or f.copied_share <= COPIES.caution:
        return None
    return _level(f.copied_share > COPIES.unsound), (
        f"{f.copied_share:.1%} of the reports equal their reference"
    )


def _level(is_unsound: bool) -> Verdict:
    return "unsound" if is_unsound else "caution"
