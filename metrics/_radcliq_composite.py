"""RadCliQ's two linear models: four metrics of a pair of reports to one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from metrics.errors import InputError
from metrics.metric import FloatArray


@dataclass(frozen=True)
class _Term:
    """One input's part in a linear model of standardised inputs."""

    mean: float
    scale: float
    weight: float

    def of(self, values: ArrayLike) -> FloatArray:
        part: FloatArray = self.weight * (np.asarray(values, np.float64) - self.mean) / self.scale
        return part


@dataclass(frozen=True)
class _Model:
    radgraph: _Term
    bertscore: _Term
    semb_score: _Term
    bleu2: _Term
    intercept: float


_MODELS = {
    "v0": _Model(
        _Term(0.5398376019082272, 0.3018344440559102, -0.4796252644863446),
        _Term(0.6312549595000001, 0.22466950746141123, -0.6762170542369337),
        _Term(0.7716797866672277, 0.24750333805236252, -0.46366575161751994),
        _Term(0.4607372064809605, 0.30336670936092264, 0.2165861905287535),
        1.641666666666666,
    ),
    "v1": _Model(
        _Term(0.5379231241355762, 0.3028258411486429, -0.37708368261038905),
        _Term(0.6175725628125001, 0.22430938459304575, -0.37030009974480316),
        _Term(0.7647942121140658, 0.2539439110169773, -0.25261621789593225),
        _Term(0.44738335396242174, 0.2989271671041838, 4.315048405024756e-12),
        2.466552561323256e-10,
    ),
}


def radcliq_composite(
    version: Literal["v0", "v1"],
    *,
    bleu2: ArrayLike,
    bertscore: ArrayLike,
    semb_score: ArrayLike,
    radgraph: ArrayLike,
) -> FloatArray:
    """Return RadCliQ of each pair from its four inputs; lower is better.

    Parameters
    ----------
    version
        "v0" foretells the number of errors that radiologists count; "v1" has no unit.
    bleu2
        Smoothed sentence BLEU-2 (`SentenceBleu2`).
    bertscore
        F1 of BERTScore with distilroberta-base, rescaled with its baseline.
    semb_score
        Cosine of CheXbert's vectors.
    radgraph
        Mean of RadGraph's entity and relation F1 (`RadgraphCombined`).

    Returns
    -------
    FloatArray
        Of the inputs' common shape.

    Raises
    ------
    InputError
        If there is no such version, or the shapes do not fit together.

    Notes
    -----
    Source: the two models of github.com/rajpurkarlab/CXR-Report-Metric, with their coefficients.

    Examples
    --------
    >>> perfect = dict(bleu2=[1], bertscore=[1], semb_score=[1], radgraph=[1])
    >>> [round(float(radcliq_composite(v, **perfect)[0]), 4) for v in ("v0", "v1")]
    [-0.2421, -1.4407]
    """
    if version not in tuple(_MODELS):  # whatever it is, not all of which can be a key
        raise InputError(f"RadCliQ has no version {version!r}. Known: {', '.join(_MODELS)}.")
    model = _MODELS[version]
    try:
        total: FloatArray = (
            model.radgraph.of(radgraph)
            + model.bertscore.of(bertscore)
            + model.semb_score.of(semb_score)
            + model.bleu2.of(bleu2)
            + model.intercept
        )
    except (TypeError, ValueError) as error:
        raise InputError(
            f"RadCliQ's inputs do not fit together: {error}. Give four arrays of numbers, one "
            "value a pair each."
        ) from error
    return total
