import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metrics._ratescore import RaTEScore
from metrics.annotators import RaTEScoreAnnotator, sources
from metrics.annotators.annotator import Annotator
from metrics.annotators.ratescore import EntityEncoder, EntityRecognizer
from metrics.annotators.remembered import RememberedAnnotator
from metrics.cache import AnnotationCache
from metrics.errors import MissingError
from metrics.samples import Samples, TestSet

FOLDER = Path(__file__).parents[1] / "golden" / "ratescore"
NER = FOLDER / "Angelakeke" / "RaTE-NER-Deberta"
ENCODER = FOLDER / "FremyCompany" / "BioLORD-2023-C"
PAIRS = json.loads((FOLDER / "expected.json").read_text("utf-8"))["pairs"][:8]
PREDICTIONS = [pair["candidate"] for pair in PAIRS]
REFERENCES = [pair["reference"] for pair in PAIRS]


class Counter:
    """Loads an annotator and notes the texts that it reads."""

    def __init__(self, kind: Any, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.texts: list[str] = []
        self.loaded = 0

    def load(self) -> Annotator[Any]:
        self.loaded += 1
        loaded: Annotator[Any] = self.kind.load(self.folder)
        read = loaded.annotate_distinct

        def noted(texts: Sequence[str]) -> list[Any]:
            self.texts += texts
            return read(texts)

        loaded.annotate_distinct = noted  # type: ignore[method-assign]
        return loaded


@pytest.fixture
def counters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Counter]:
    """Put both annotators, with a cache of their own, under their names."""
    counters = {
        "ratescore": Counter(EntityRecognizer, NER),
        "ratescore-embedding": Counter(EntityEncoder, ENCODER),
    }
    cache = AnnotationCache(tmp_path / "cache.sqlite3")

    def annotator(name: str) -> RememberedAnnotator[Any]:
        counter = counters[name]
        return RememberedAnnotator(counter.kind, name, counter.load, cache)

    monkeypatch.setattr(sources, "annotator", annotator)
    return counters


def samples_of(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Samples:
    ids = [str(i) for i in range(len(predictions))]
    return Samples.of(predictions, TestSet(ids, references))


def test_scores_are_the_annotators(counters: dict[str, Counter]) -> None:
    expected = RaTEScoreAnnotator.load(NER, ENCODER).scores(PREDICTIONS, REFERENCES)
    samples = samples_of(PREDICTIONS, [[text] for text in REFERENCES])
    statistics = RaTEScore().statistics(samples)
    assert expected.tolist() == RaTEScore().per_sample(statistics)[:, 0].tolist()
    assert expected.mean() == pytest.approx(RaTEScore().reduce(statistics.sum(0))[0], abs=1e-12)


def test_the_best_of_several_references_counts(counters: dict[str, Counter]) -> None:
    both = [[one, other] for one, other in zip(REFERENCES, REFERENCES[::-1], strict=True)]
    found = RaTEScore().statistics(samples_of(PREDICTIONS, both))[:, 0]
    sides = [
        RaTEScore().statistics(samples_of(PREDICTIONS, [[texts[i]] for texts in both]))[:, 0]
        for i in range(2)
    ]
    assert np.maximum(*sides).tolist() == found.tolist()


def test_texts_and_entities_are_read_once_for_all_systems(counters: dict[str, Counter]) -> None:
    systems = [PREDICTIONS, PREDICTIONS[::-1], REFERENCES]
    samples = [samples_of(texts, [[text] for text in REFERENCES]) for texts in systems]
    RaTEScore().annotate(*samples)
    for one in samples:
        RaTEScore("short").statistics(one)
    for counter in counters.values():
        assert len(set(counter.texts)) == len(counter.texts) > 0
    assert {*PREDICTIONS, *REFERENCES} == set(counters["ratescore"].texts)


def test_a_warm_cache_needs_no_model(counters: dict[str, Counter]) -> None:
    samples = samples_of(PREDICTIONS, [[text] for text in REFERENCES])
    RaTEScore().annotate(samples)
    first = RaTEScore().statistics(samples)
    loaded = [counter.loaded for counter in counters.values()]
    again = RaTEScore().statistics(samples_of(PREDICTIONS, [[text] for text in REFERENCES]))
    assert first.tobytes() == again.tobytes()
    assert loaded == [counter.loaded for counter in counters.values()]


def test_empty_texts_score_one_half(counters: dict[str, Counter]) -> None:
    samples = samples_of(["", PREDICTIONS[0], " "], [[REFERENCES[0]], [""], [""]])
    assert [0.5] * 3 == RaTEScore().statistics(samples)[:, 0].tolist()


def test_a_matrix_from_a_file_is_in_the_signature_by_its_hash(tmp_path: Path) -> None:
    assert RaTEScore("short").signature.startswith("ratescore|matrix:short|weights:")
    numbers = dict.fromkeys(
        [
            f"{one}_{other}"
            for one in ("abnormality", "anatomy", "disease", "non-abnormality", "non-disease")
            for other in ("abnormality", "anatomy", "disease", "non-abnormality", "non-disease")
        ],
        1.0,
    )
    path = tmp_path / "own.json"
    path.write_text(json.dumps({**numbers, "neg_weight": 0.5}), "utf-8")
    first = RaTEScore(str(path)).signature
    assert first.startswith("ratescore|matrix:sha256-")
    path.write_text(json.dumps({**numbers, "neg_weight": 0.6}), "utf-8")
    assert first != RaTEScore(str(path)).signature


def test_a_matrix_that_is_not_there_is_refused_at_once() -> None:
    with pytest.raises(MissingError, match="no affinity matrix"):
        RaTEScore("wide")
