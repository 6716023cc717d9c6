"""Every weight file that a metric needs: where it lives, its licence, what it unlocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["archive", "checkpoint", "encoder", "model"]

_SCORERS = "StanfordAIMI/RRG_scorers"
_CREDENTIALED = "trained on MIMIC-CXR reports; see the terms of its page and of PhysioNet"


@dataclass(frozen=True)
class Weight:
    """One file or folder that is downloaded by the user.

    Attributes
    ----------
    name
        What commands and messages call it.
    kind
        A RadGraph ``archive`` (a file, or the folder that it was unpacked to), a ``checkpoint``
        that torch saved, a transformers folder of a whole ``model``, or one of an ``encoder``
        whose weights are in another file: settings and tokenizer.
    place
        Its name in the weights folder.
    hub
        The hub repository where it officially lives.
    file
        The file's path in the repository; for a folder, the whole repository.
    licence
        As its page states it, as far as known.
    size
        About how large; None if not known.
    sha256
        Of the official file; None if it could not be established.
    unlocks
        The metrics that need it.
    model_types
        The kinds of model that a folder's config.json may name.
    named_by
        The archive or checkpoint beside which an encoder may lie under the name that it has there.
    elsewhere
        Where official packages keep the file, as patterns below the home folder.
    """

    name: str
    kind: Kind
    place: str
    hub: str
    licence: str
    unlocks: str
    file: str | None = None
    size: str | None = None
    sha256: str | None = None
    model_types: tuple[str, ...] = ()
    named_by: str | None = None
    elsewhere: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        """The page of its repository."""
        return f"https://huggingface.co/{self.hub}"

    @property
    def download(self) -> str:
        """The command that downloads it."""
        return f"hf download {self.hub}" + (f" {self.file}" if self.file else "")


def _archive(name: str, unlocks: str) -> Weight:
    """Return the row of a RadGraph archive."""
    return Weight(
        name=name,
        kind="archive",
        place=f"{name}.tar.gz",
        hub=_SCORERS,
        file=f"{name}.tar.gz",
        licence=_CREDENTIALED,
        unlocks=unlocks,
        size="about 400 MB",
        elsewhere=(f".cache/radgraph/*/{name}.tar.gz", f".cache/radgraph/*/{name}"),
    )


def _encoder(
    name: str, hub: str, licence: str, unlocks: str, named_by: str, model_type: str = "bert"
) -> Weight:
    """Return the row of settings and a tokenizer; the weights are in another file."""
    return Weight(
        name=name,
        kind="encoder",
        place=name,
        hub=hub,
        licence=licence,
        unlocks=unlocks,
        size="below 4 MB (config.json and tokenizer files are enough)",
        model_types=(model_type,),
        named_by=named_by,
    )


def _model(name: str, hub: str, licence: str, size: str, unlocks: str, *model_types: str) -> Weight:
    return Weight(
        name=name,
        kind="model",
        place=name,
        hub=hub,
        licence=licence,
        unlocks=unlocks,
        size=size,
        model_types=model_types,
    )


_XL = "radgraph_* with the model radgraph-xl (protocol radgraph-xl)"
_TABLE = (
    _archive("radgraph", "radgraph_simple, _partial, _complete, radgraph_combined, radcliq"),
    _encoder(
        "pubmedbert",
        "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext",
        "MIT",
        "the encoder of radgraph",
        "radgraph",
    ),
    _archive("radgraph-xl", _XL),
    _encoder(
        "cxr-bert",
        "microsoft/BiomedVLP-CXR-BERT-general",
        "MIT",
        "that of radgraph-xl",
        "radgraph-xl",
    ),
    _archive("modern-radgraph-xl", "radgraph_* with ModernBERT"),
    _encoder(
        "modernbert",
        "answerdotai/ModernBERT-base",
        "Apache-2.0",
        "the encoder of modern-radgraph-xl",
        "modern-radgraph-xl",
        "modernbert",
    ),
    _archive("echograph", "radgraph_* of echocardiography reports"),
    Weight(
        name="chexbert",
        kind="checkpoint",
        place="chexbert.pth",
        hub=_SCORERS,
        file="chexbert.pth",
        licence=_CREDENTIALED,
        unlocks="chexbert_*, semb_score, radcliq, the slice abnormal",
        size="about 440 MB",
        elsewhere=(".cache/chexbert/chexbert.pth",),
    ),
    _encoder(
        "bert-base",
        "google-bert/bert-base-uncased",
        "Apache-2.0",
        "the encoder of chexbert",
        "chexbert",
    ),
    _model(
        "distilbert-base-uncased",
        "distilbert/distilbert-base-uncased",
        "Apache-2.0",
        "268 MB",
        "bertscore_* of the protocols libra and default",
        "distilbert",
    ),
    _model(
        "distilroberta-base",
        "distilbert/distilroberta-base",
        "Apache-2.0",
        "331 MB",
        "bertscore_f1 of ReXrank, radcliq",
        "roberta",
    ),
    _model(
        "rate-ner",
        "Angelakeke/RaTE-NER-Deberta",
        "see its page",
        "about 740 MB",
        "ratescore",
        "deberta-v2",
    ),
    _model(
        "biolord",
        "FremyCompany/BioLORD-2023-C",
        "see its page",
        "about 440 MB",
        "ratescore",
        "mpnet",
        "bert",
    ),
)

WEIGHTS: dict[str, Weight] = {weight.name: weight for weight in _TABLE}
