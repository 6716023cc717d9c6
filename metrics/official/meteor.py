"""METEOR by NLTK: its ``single_meteor_score`` on tokens of its own ``word_tokenize``.

NLTK's data need not be downloaded. Punkt gets the bundled English parameters, which are NLTK's own.
WordNet is read by NLTK where it is in ``nltk_data``; elsewhere the bundled tables stand in, so that
then only tokens, stems, alignment and arithmetic are NLTK's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from metrics.official import OfficialScores, mean_scores, needed
from metrics.tokens import punkt, wordnet


def scores(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> OfficialScores:
    """Return meteor; of several references the best."""
    single_meteor_score = needed("nltk.translate.meteor_score").single_meteor_score
    tokenize, synsets = word_tokenizer(), _wordnet()
    found = []
    for prediction, texts in zip(predictions, references, strict=True):
        tokens = tokenize(prediction)
        found.append(
            max(single_meteor_score(tokenize(text), tokens, wordnet=synsets) for text in texts)
        )
    return mean_scores({"meteor": found})


@cache
def word_tokenizer() -> Callable[[str], list[str]]:
    """Return NLTK's ``word_tokenize`` with the bundled English parameters."""
    module = needed("nltk.tokenize.punkt")
    learnt, parameters = punkt.english(), module.PunktParameters()
    parameters.abbrev_types = set(learnt.abbreviations)
    parameters.collocations = set(learnt.collocations)
    parameters.sent_starters = set(learnt.sentence_starters)
    parameters.ortho_context.update(learnt.contexts)
    split = module.PunktSentenceTokenizer(parameters).tokenize
    words = needed("nltk.tokenize.destructive").NLTKWordTokenizer().tokenize
    return lambda text: [token for sentence in split(text) for token in words(sentence)]


def _wordnet() -> Any:
    reader = needed("nltk.corpus").wordnet
    try:
        reader.ensure_loaded()
    except LookupError:
        return BundledWordNet()
    return reader


@dataclass(frozen=True)
class _Lemma:
    text: str

    def name(self) -> str:
        return self.text


@dataclass(frozen=True)
class _Synset:
    names: tuple[str, ...]

    def lemmas(self) -> list[_Lemma]:
        return [_Lemma(name) for name in self.names]


class BundledWordNet:
    """The bundled tables in the shape in which NLTK's METEOR asks for WordNet."""

    def synsets(self, word: str) -> list[_Synset]:
        """Return one synset that holds every single-word synonym."""
        return [_Synset(tuple(sorted(wordnet.synonyms(word))))]
