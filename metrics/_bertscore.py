"""BERTScore: similarity of two texts' tokens in an encoder's hidden layer."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from metrics.annotators.bertscore.remembered import Corpus, RememberedPairs, remembered_pairs
from metrics.annotators.bertscore.tables import baseline, default_layer
from metrics.errors import InputError, MetricsWarning
from metrics.metric import FloatArray, Metric, MetricInfo, Output, ratio
from metrics.precision import FLOAT32, check_precision, signed
from metrics.samples import Samples


@dataclass(frozen=True)
class BertScore(Metric):
    """BERTScore's precision, recall and F1, averaged over studies, equal to bert-score 0.3.13.

    ``model`` is a name in the table of weights or a folder of a BERT-type model, ``layer`` its
    hidden layer (None: bert-score's choice). With ``idf``, rare tokens weigh more; the weights come
    from all references of the test set, once, in ``fit``. With ``rescale``, a score s becomes
    (s - b) / (1 - b) with the baseline b of unrelated sentences: bert-score's English one, or that
    of ``baseline_file``. Several references: the largest precision, the largest recall and the
    largest F1, each by itself, as the official package does.

    An empty side scores 0 before rescaling, so below 0 after it, as officially. Texts longer than
    the model takes (512 tokens) are cut.

    ``precision`` "bfloat16" or "int8" (CPU only) rounds the products of the model; its scores then
    deviate from the official ones, as docs/performance.md measures, and the signature says so.

    Source: Zhang et al., "BERTScore: Evaluating text generation with BERT", ICLR 2020.
    """

    info: ClassVar[MetricInfo] = MetricInfo(
        name="bertscore",
        outputs=(
            Output("bertscore_precision"),
            Output("bertscore_recall"),
            Output("bertscore_f1"),
        ),
        version=1,
        empty="0 if either side is empty, both included; then rescaled, if asked for",
        source="Zhang et al., ICLR 2020; bert-score 0.3.13",
    )
    treatment: str = "raw"
    model: str = "distilbert-base-uncased"
    layer: int | None = None
    rescale: bool = False
    idf: bool = False
    baseline_file: str | None = None
    precision: str = FLOAT32
    corpus: Corpus | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_precision(self.precision)
        if self.layer is None:
            default_layer(self.model)
        if self.baseline_file is not None and not self.rescale:
            raise InputError("BERTScore has a baseline_file, but rescale is off. Set rescale.")
        if self.rescale:
            self._unrelated()

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The three scores; rescaled ones have no lower bound of their own."""
        if not self.rescale:
            return self.info.outputs
        return tuple(replace(output, bounds=(-inf, 1.0)) for output in self.info.outputs)

    @property
    def weights(self) -> tuple[str, ...]:
        """The model, where it is one of the table of weights."""
        from metrics.weights import WEIGHTS

        return (self.model,) if self.model in WEIGHTS else ()

    @property
    def lacking(self) -> list[str]:
        """As every metric's; a model that is a folder is not in the table of weights."""
        if self.weights:
            return super().lacking
        from metrics.weights import absent_packages

        why = "neither in `cxr-harness weights list` nor a folder"
        lost = [] if Path(self.model).is_dir() else [f"the model {self.model} ({why})"]
        return [*absent_packages(), *lost]

    @property
    def signature(self) -> str:
        """The settings that move the score; files and folders by their SHA-256."""
        rescale = "yes" if self.rescale else "no"
        if self.baseline_file is not None:
            digest = hashlib.sha256(Path(self.baseline_file).read_bytes()).hexdigest()
            rescale = f"sha256-{digest[:16]}"
        settings = {
            "treatment": self.treatment,
            "model": self.model if self.weights else Path(self.model).name,
            "layer": self._layer,
            "rescale": rescale,
            "idf": "yes" if self.idf else "no",
            "weights": self._signed_weights(),
        }
        parts = [self.info.name, *(f"{key}:{value}" for key, value in settings.items())]
        return f"{'|'.join(parts)}{signed(self.precision)}|v:{self.info.version}"

    def fit(self, samples: Samples) -> Self:
        """Return the metric with the token weights of all references, where idf is asked for."""
        if not self.idf:
            return self
        fitted = replace(self)
        texts = samples.prepared(self.treatment).flat_references
        object.__setattr__(fitted, "corpus", Corpus(tuple(texts)))
        return fitted

    def annotate(self, *systems: Samples) -> None:
        """Score the pairs of all systems, each distinct text encoded once, and remember them."""
        pairs = [pair for system in systems for pair in self._pairs(system)]
        empty = sum(not (p.strip() and r.strip()) for p, r in pairs)
        if empty:
            warnings.warn(
                f"BERTScore: {empty} of {len(pairs)} pairs have an empty side and score 0.",
                MetricsWarning,
                stacklevel=2,
            )
        self._remembered().scores(pairs)

    def pair_scores(self, samples: Samples) -> FloatArray:
        """Return precision, recall and F1 of each flat reference's pair, shape (references, 3).

        Raises
        ------
        InputError
            If idf is asked for and the metric has not been fitted.
        MissingError
            If weights are not there.
        """
        scores = np.array(self._remembered().scores(self._pairs(samples)), np.float64)
        scores = scores.reshape(-1, 3)
        if not self.rescale:
            return scores
        unrelated = self._unrelated()
        rescaled: FloatArray = (scores - unrelated) / (1 - unrelated)
        return rescaled

    def statistics(self, samples: Samples) -> FloatArray:
        """Return float64 (n, 4): the study's precision, recall and F1, and 1."""
        counts = samples.reference_counts
        best = np.maximum.reduceat(self.pair_scores(samples), np.cumsum(counts) - counts)
        return np.column_stack((best, np.ones(len(best))))

    def reduce(self, totals: FloatArray) -> FloatArray:
        """Return the mean precision, recall and F1."""
        return ratio(totals[..., :3], totals[..., 3:])

    @property
    def _layer(self) -> int:
        return default_layer(self.model) if self.layer is None else self.layer

    def _unrelated(self) -> FloatArray:
        path = None if self.baseline_file is None else Path(self.baseline_file)
        return baseline(self.model, self._layer, path)

    def _signed_weights(self) -> str:
        from metrics.weights import hash_path, sign

        if self.weights:
            return sign(self.weights)
        folder = Path(self.model)
        return hash_path(folder) if folder.is_dir() else "absent"

    def _pairs(self, samples: Samples) -> list[tuple[str, str]]:
        texts = samples.prepared(self.treatment)
        grouped = zip(texts.predictions, texts.references, strict=True)
        return [(prediction, reference) for prediction, group in grouped for reference in group]

    def _remembered(self) -> RememberedPairs:
        if self.idf and self.corpus is None:
            raise InputError(
                "BERTScore has no idf weights yet. Call fit with the whole test set first."
            )
        return remembered_pairs(self.model, self._layer, self.corpus, self.precision)
