"""Every weight file that a metric needs: where it lives, its licence, what it unlocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_SCORERS = "StanfordAIMI/RRG_scorers"
_ENCODER_FILES = ("config.json",)
_MODEL_FILES = ("config.json",)
_CREDENTIALED = "trained on MIMIC-CXR reports; see the terms of its page and of PhysioNet"


@dataclass(frozen=True)
class Weight:
    """One file or folder that is downloaded by the user.

    Attributes
    ----------
    name
        What commands and messages call it.
    kind
        ``file``, or ``folder`` of a transformers model (for an encoder: settings and tokenizer).
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
    holds
        Files that the folder must hold.
    elsewhere
        Where official packages keep the file, as patterns below the home folder.
    """

    name: str
    kind: Literal["file", "folder"]
    place: str
    hub: str
    licence: str
    unlocks: str
    file: str | None = None
    size: str | None = None
    sha256: str | None = None
    holds: tuple[str, ...] = ()
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
        kind="file",
        place=f"{name}.tar.gz",
        hub=_SCORERS,
        file=f"{name}.tar.gz",
        licence=_CREDENTIALED,
        unlocks=unlocks,
        size="about 400 MB",
        elsewhere=(f".cache/radgraph/*/{name}.tar.gz", f".cache/radgraph/*/{name}"),
    )


def _encoder(name: str, hub: str, licence: str, unlocks: str) -> Weight:
    """Return the row of settings and a tokenizer; the weights are in another file."""
    return Weight(
        name=name,
        kind="folder",
        place=name,
        hub=hub,
        licence=licence,
        unlocks=unlocks,
        size="below 1 MB (config.json and tokenizer files are enough)",
        holds=_ENCODER_FILES,
    )


def _model(name: str, hub: str, licence: str, size: str, unlocks: str) -> Weight:
    return Weight(
        name=name,
        kind="folder",
        place=name,
        hub=hub,
        licence=licence,
        unlocks=unlocks,
        size=size,
        holds=_MODEL_FILES,
    )


_XL = "the same with the model radgraph-xl (protocol radgraph-xl)"
_TABLE = (
    _archive("radgraph", "radgraph_simple, _partial, _complete, radgraph_combined, radcliq"),
    _encoder(
        "pubmedbert",
        "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext",
        "MIT",
        "the tokenizer of radgraph",
    ),
    _archive("radgraph-xl", _XL),
    _encoder("cxr-bert", "microsoft/BiomedVLP-CXR-BERT-general", "MIT", "that of radgraph-xl"),
    _archive("modern-radgraph-xl", "the same with ModernBERT"),
    _encoder(
        "modernbert", "answerdotai/ModernBERT-base", "Apache-2.0", "that of modern-radgraph-xl"
    ),
    _archive("echograph", "RadGraph of echocardiography reports"),
    Weight(
        name="chexbert",
        kind="file",
        place="chexbert.pth",
        hub=_SCORERS,
        file="chexbert.pth",
        licence=_CREDENTIALED,
        unlocks="chexbert_*, semb_score, radcliq, the slice abnormal",
        size="about 440 MB",
        elsewhere=(".cache/chexbert/chexbert.pth",),
    ),
    _encoder(
        "bert-base", "google-bert/bert-base-uncased", "Apache-2.0", "the tokenizer of chexbert"
    ),
    _model(
        "distilbert-base-uncased",
        "distilbert/distilbert-base-uncased",
        "Apache-2.0",
        "268 MB",
        "bertscore_* of the protocols libra and default",
    ),
    _model(
        "distilroberta-base",
        "distilbert/distilroberta-base",
        "Apache-2.0",
        "331 MB",
        "bertscore_f1 of ReXrank, radcliq",
    ),
    _model("rate-ner", "Angelakeke/RaTE-NER-Deberta", "see its page", "about 740 MB", "ratescore"),
    _model("biolord", "FremyCompany/BioLORD-2023-C", "see its page", "about 440 MB", "ratescore"),
)

WEIGHTS: dict[str, Weight] = {weight.name: weight for weight in _TABLE}
