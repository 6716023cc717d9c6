"""Protocols: named text treatments with definitions and the metrics that go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metrics.errors import InputError

_BLEU = ("bleu1", "bleu2", "bleu3", "bleu4")
_ROUGE = ("rouge1", "rouge2", "rougeL")


@dataclass(frozen=True)
class Protocol:
    """One way to score texts.

    ``settings`` holds, per registered metric, what differs from the metric's defaults;
    ``instead`` replaces one registered metric by another with the same output names.
    """

    name: str
    summary: str
    source: str
    outputs: tuple[str, ...]
    treatment: str = "raw"
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    instead: Mapping[str, str] = field(default_factory=dict)


_COCO_BLEU = {"length": "closest", "smoothing": "coco"}

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="default",
            summary="raw text, cased 13a BLEU, NLTK METEOR, unstemmed ROUGE means, temporal scores",
            source="ours; BLEU, METEOR and ROUGE as the hub's `evaluate` computes them",
            outputs=(
                *_BLEU,
                "meteor",
                *_ROUGE,
                "temporal_f1",
                "temporal_direction_precision",
                "temporal_direction_recall",
                "temporal_direction_f1",
                "temporal_direction_agreement",
                "temporal_direction_macro_f1",
                "prior_hallucination",
            ),
        ),
        Protocol(
            name="libra",
            summary="lower-cased and cleaned text, as Libra's evaluate_report scores it",
            source="github.com/X-iZhang/Libra, libra/eval (ROUGE as the plain mean)",
            outputs=(*_BLEU, "meteor", "rougeL", "bertscore_f1", "temporal_f1"),
            treatment="libra",
        ),
        Protocol(
            name="coco",
            summary="coco-caption: PTB-style tokens, closest length, ROUGE-L with β 1.2, CIDEr-D",
            source="pycocoevalcap 1.2; its METEOR needs Java and is left out",
            outputs=(*_BLEU, "rougeL", "cider"),
            settings={
                "bleu": {"tokens": "ptb", **_COCO_BLEU},
                "rougeL": {"tokens": "ptb", "beta": 1.2},
            },
        ),
        Protocol(
            name="rexrank",
            summary="ReXrank's columns, each a mean over studies of the text as it is",
            source="github.com/rajpurkarlab/CXR-Report-Metric and /ReXrank; RaTEScore; GREEN",
            outputs=(
                "bleu2",
                "bertscore_f1",
                "semb_score",
                "radgraph_combined",
                "radcliq_v1_reciprocal",
                "ratescore",
                "green",
            ),
            settings={"bertscore": {"model": "distilroberta-base", "rescale": True}},
            instead={"bleu": "bleu2_sentence"},
        ),
        Protocol(
            name="radgraph-xl",
            summary="RadGraph F1 with the annotator RadGraph-XL",
            source="pypi.org/project/radgraph 0.1.18, model_type radgraph-xl",
            outputs=("radgraph_simple", "radgraph_partial", "radgraph_complete"),
            settings={
                "radgraph": {"annotator": "radgraph-xl"},
                "radgraph_combined": {"annotator": "radgraph-xl"},
            },
        ),
        Protocol(
            name="radeval",
            summary="cased text split on white space, closest length; stemmed ROUGE means",
            source="github.com/jbdel/RadEval, bleu and rouge, before its rounding",
            outputs=(*_BLEU, *_ROUGE),
            settings={
                "bleu": {"tokens": "split", **_COCO_BLEU},
                **{name: {"stem": True} for name in _ROUGE},
            },
        ),
        Protocol(
            name="sacrebleu",
            summary="sacreBLEU's defaults: cased 13a, closest length, exponential smoothing; chrF",
            source="sacrebleu 2.x corpus_bleu and corpus_chrf",
            outputs=(*_BLEU, "chrf"),
            settings={"bleu": {"length": "closest", "smoothing": "exp"}},
        ),
        Protocol(
            name="llava_med",
            summary="answers to questions, counted as LLaVA-Med's evaluation script counts them",
            source="github.com/microsoft/LLaVA-Med, llava/eval/run_eval.py",
            outputs=("vqa_exact_match", "vqa_closed_accuracy", "vqa_token_recall"),
            settings={"vqa": {"counting": "script"}},
        ),
    )
}


def protocol(name: str) -> Protocol:
    """Return the protocol of this name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in PROTOCOLS:
        raise InputError(f"Unknown protocol {name!r}. Known: {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]
