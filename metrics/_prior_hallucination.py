"""Prior hallucination: reports that speak of a prior study although the model saw none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from metrics.metric import FloatArray, Metric, MetricInfo, Output, Span, ratio
from metrics.samples import Samples
from metrics.temporal.comparison_statements import (
    comparison_statements,
    context_mentions_comparison,
)
from metrics.temporal.tuples import FindingChange, all_finding_changes

_STRATA = ("all", "comparison in context", "no comparison in context")


@dataclass(frozen=True)
class HallucinationRate:
    """How often predictions, and references of the same studies, speak of a prior study.

    ``n`` studies are counted; the rates are NaN where it is 0.
    """

    stratum: str
    predictions: float
    references: float
    n: int


@dataclass(frozen=True)
class PriorHallucination(Metric):
    """Share of reports with a comparison statement, over the samples whose model saw no prior.

    A sample counts where ``prior_shown`` is False: studies without a prior, and all studies of a
    run with a dummy prior or none; unknown is not counted. What a comparison statement is, is
    defined in `comparison_statements`: "stable cardiomegaly" and "since the prior radiograph"
    are, "no prior for comparison" and "sternotomy wires again noted" are not.

    ``prior_hallucination_references`` is the same share among the references of those samples
    (several references: their mean), the rate that a faithful copy of the radiologist would have:
    he may have had studies that the data set lacks. The last two outputs are the predictions'
    rate where the context given to the model does, and does not, name a study to compare with.

    Source: ours.
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="prior_hallucination",
        outputs=(
            Output("prior_hallucination", "lower", count_column=0),
            Output("prior_hallucination_references", "lower", count_column=0),
            Output("prior_hallucination_comparison_in_context", "lower", count_column=3),
            Output("prior_hallucination_no_comparison_in_context", "lower", count_column=6),
        ),
        version=1,
        empty="does not speak of a prior study",
        source="cxr-harness, docs/metrics/temporal.md",
    )

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 9): counted, prediction speaks, share of references that speak.

        These three come for all counted samples, for those whose context names a comparison, and
        for those whose context names none.
        """
        changes = samples.map_predictions("finding_changes", all_finding_changes)
        speak = _speaking(samples.predictions, changes)
        said = np.array(samples.map_predictions("speaks_of_prior", speak), np.float64)
        changes = samples.map_references("finding_changes", all_finding_changes)
        speak = _speaking(samples.flat_references, changes)
        references = samples.regroup(samples.map_references("speaks_of_prior", speak))
        true = np.array([sum(group) / len(group) for group in references], np.float64)
        one = np.stack([np.ones(len(samples)), said, true], axis=-1)
        return (_membership(samples)[:, :, None] * one[:, None, :]).reshape(len(samples), 9)

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the predictions' and references' rate, then the predictions' by stratum."""
        return np.concatenate(
            [
                ratio(totals[..., 1:3], totals[..., 0:1]),
                ratio(totals[..., 4:8:3], totals[..., 3:7:3]),
            ],
            axis=-1,
        )

    def table(self, totals: FloatArray) -> list[HallucinationRate]:
        """Return the rates overall and by stratum from summed statistics, shape (9,)."""
        blocks = totals.reshape(len(_STRATA), 3)
        rates = ratio(blocks[:, 1:], blocks[:, :1])
        return [
            HallucinationRate(name, float(said), float(true), round(float(block[0])))
            for name, (said, true), block in zip(_STRATA, rates, blocks, strict=True)
        ]

    def spans(self, prediction: str, references: Sequence[str]) -> list[Span]:
        """Return the comparison statements: invented unless the first reference compares too."""
        true = comparison_statements(references[0])
        said = comparison_statements(prediction)
        label = "speaks of a prior study"
        return [
            *(Span("prediction", *at, "matched" if true else "invented", label) for at in said),
            *(Span("reference", *at, "matched" if said else "missed", label) for at in true),
        ]


def _speaking(
    texts: list[str], changes: list[list[FindingChange]]
) -> Callable[[list[str]], list[bool]]:
    """Return the batch analysis "speaks of a prior study" that reuses the texts' changes."""
    known = dict(zip(texts, changes, strict=True))

    def speak(batch: list[str]) -> list[bool]:
        return [bool(comparison_statements(text, known[text])) for text in batch]

    return speak


def _membership(samples: Samples) -> FloatArray:
    """Return 1 where a sample belongs to a stratum, else 0, shape (n, 3)."""
    n = len(samples)
    shown = samples.prior_shown if samples.prior_shown is not None else [None] * n
    contexts = samples.contexts if samples.contexts is not None else [{}] * n
    rows = np.zeros((n, len(_STRATA)))
    for row, seen, context in zip(rows, shown, contexts, strict=True):
        if seen is not None and not seen:
            named = context_mentions_comparison(context)
            row[:] = True, named is True, named is False
    return rows
