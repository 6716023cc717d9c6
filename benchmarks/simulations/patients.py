"""Simulated test sets in which studies of one patient resemble each other.

Every study has a latent quality, the sum of a patient's and a study's part, of which the patient's
makes up 30 % of the variance (the intraclass correlation). All statistics follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

INTRACLASS_CORRELATION = 0.3
MOST_STUDIES = 8

# Mean and spread of the log-odds that an n-gram is matched, n = 1 to 4: a BLEU-4 of about 0.1.
_MATCH_ODDS = np.array([-0.2, -1.3, -2.1, -2.7])
_MATCH_SPREAD = 0.7
_LABELS = 14


@dataclass(frozen=True)
class TestSet:
    """The patient of each study and the statistics (studies, k) of each metric."""

    patients: NDArray[np.intp]
    statistics: dict[str, FloatArray]


def simulate(n_patients: int, generator: np.random.Generator) -> TestSet:
    """Return a test set with 1 to 8 studies per patient."""
    studies = generator.integers(1, MOST_STUDIES + 1, size=n_patients)
    patients = np.repeat(np.arange(n_patients), studies)
    of_patient = generator.normal(size=n_patients)[patients]
    of_study = generator.normal(size=patients.size)
    share = INTRACLASS_CORRELATION
    quality = np.sqrt(share) * of_patient + np.sqrt(1 - share) * of_study
    statistics = {
        "BLEU-4": _bleu4(quality, generator),
        "mean": np.column_stack([0.5 + 0.15 * quality, np.ones(quality.size)]),
        "micro-F1": _micro_f1(quality, generator),
    }
    return TestSet(patients, statistics)


def bleu4(totals: FloatArray) -> FloatArray:
    """Return BLEU-4 from four match counts, four n-gram counts and both lengths."""
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.exp(np.log(totals[..., :4] / totals[..., 4:8]).mean(axis=-1))
    brevity = np.exp(np.minimum(0.0, 1 - totals[..., 9] / totals[..., 8]))
    return np.asarray(brevity * precision)[..., None]


def mean(totals: FloatArray) -> FloatArray:
    """Return the mean from a sum and a count."""
    return totals[..., :1] / totals[..., 1:]


def micro_f1(totals: FloatArray) -> FloatArray:
    """Return micro-F1 from true positives, false positives and false negatives."""
    hits, invented, missed = np.moveaxis(totals, -1, 0)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * hits / (2 * hits + invented + missed))[..., None]


REDUCES = {"BLEU-4": bleu4, "mean": mean, "micro-F1": micro_f1}


def _bleu4(quality: FloatArray, generator: np.random.Generator) -> FloatArray:
    reference = 4 + generator.poisson(50, size=quality.size)
    length = np.maximum(4, np.rint(reference * generator.normal(0.95, 0.2, size=quality.size)))
    counts = length[:, None] - np.arange(4)
    odds = _MATCH_ODDS + _MATCH_SPREAD * quality[:, None]
    matches = generator.binomial(counts.astype(int), _probability(odds))
    return np.column_stack([matches, counts, length, reference]).astype(float)


def _micro_f1(quality: FloatArray, generator: np.random.Generator) -> FloatArray:
    present = generator.binomial(_LABELS, 0.2, size=quality.size)
    hits = generator.binomial(present, _probability(0.4 + quality))
    invented = generator.binomial(_LABELS - present, _probability(-2.2 - quality))
    return np.column_stack([hits, invented, present - hits]).astype(float)


def _probability(odds: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(-odds))
