"""BERTScore of pairs through the annotation cache: no pair is scored twice, ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path

from metrics.annotators.bertscore.annotator import BertScoreAnnotator, Pair, PairScore, pair_key
from metrics.annotators.progress import begin
from metrics.annotators.remembered import CHUNK
from metrics.annotators.sources import best_device
from metrics.cache import AnnotationCache, default_path
from metrics.errors import InputError
from metrics.precision import FLOAT32, signed


@dataclass(frozen=True)
class Corpus:
    """The reference texts that idf weights come from, in any order, repeated ones counted again."""

    texts: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the texts, whatever their order."""
        return hashlib.sha256(json.dumps(sorted(self.texts)).encode("ascii")).hexdigest()


class RememberedPairs:
    """Scores of pairs: from the cache where they are known, else from the model.

    Parameters
    ----------
    signature
        Everything that can move a score: weights by their SHA-256, layer, corpus of the idf,
        precision.
    load
        Makes the annotator; called at most once, at the first unknown pair.
    cache
        Where scores are kept.
    """

    def __init__(
        self, signature: str, load: Callable[[], BertScoreAnnotator], cache: AnnotationCache
    ) -> None:
        self.signature = f"{signature}|v:{BertScoreAnnotator.version}"
        self._load = load
        self._cache = cache
        self._loaded: BertScoreAnnotator | None = None

    def scores(self, pairs: Sequence[Pair]) -> list[PairScore]:
        """Return one score per pair, in order; white space around a text does not count."""
        stripped = [(prediction.strip(), reference.strip()) for prediction, reference in pairs]
        keys = {pair: pair_key(*pair) for pair in stripped}
        stored = self._cache.get(self.signature, list(keys.values()))
        decode = BertScoreAnnotator.decode
        found = {pair: decode(stored[key]) for pair, key in keys.items() if key in stored}
        unknown = [pair for pair in keys if pair not in found]
        # one stream over all, so that a text of several pairs is encoded once
        stream = self._annotator().stream(unknown) if unknown else iter(())
        advance = begin("bertscore", len(unknown))
        while new := dict(islice(stream, CHUNK)):
            encoded = {keys[pair]: BertScoreAnnotator.encode(new[pair]) for pair in new}
            self._cache.put(self.signature, encoded)
            found.update(new)
            advance(len(new))
        return [found[pair] for pair in stripped]

    def _annotator(self) -> BertScoreAnnotator:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded


def remembered_pairs(
    model: str, layer: int, corpus: Corpus | None, precision: str = FLOAT32
) -> RememberedPairs:
    """Return the scores of a model: a name in the table of weights, or a folder.

    Raises
    ------
    InputError
        If it is neither.
    MissingError
        If the named weights are not on this machine.
    """
    from metrics.weights import hash_path

    folder = model_folder(model)
    return _remembered(folder, hash_path(folder), layer, corpus, precision, default_path())


@lru_cache(maxsize=4)
def _remembered(
    folder: Path, digest: str, layer: int, corpus: Corpus | None, precision: str, cache: Path
) -> RememberedPairs:
    idf = "no" if corpus is None else corpus.digest

    def load() -> BertScoreAnnotator:
        texts = None if corpus is None else corpus.texts
        return BertScoreAnnotator.load(folder, layer, texts, best_device(), precision)

    signature = f"bertscore|weights:{digest}|layer:{layer}|idf:{idf}{signed(precision)}"
    return RememberedPairs(signature, load, AnnotationCache(cache))


def model_folder(model: str) -> Path:
    """Return the folder of a model: named weights, or a path.

    Raises
    ------
    InputError
        If it is neither.
    MissingError
        If the named weights are not on this machine.
    """
    from metrics.weights import WEIGHTS, locate

    if model in WEIGHTS:
        return locate(model)
    if not Path(model).is_dir():
        raise InputError(
            f"BERTScore's model {model!r} is neither in `cxr-harness weights list` nor a folder. "
            "Give the folder that holds its config.json, tokeniser files and weights."
        )
    return Path(model)
