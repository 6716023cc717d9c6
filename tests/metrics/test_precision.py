"""The precision of neural annotators: what deviates, by how much, and that it is always said."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.annotations import cache_info, export
from metrics import chexbert_f1, radgraph_f1, score
from metrics.annotators import CheXbertAnnotator, RadGraphAnnotator, RaTEScoreAnnotator
from metrics.annotators.bertscore import BertScoreAnnotator
from metrics.annotators.bertscore.remembered import remembered_pairs
from metrics.annotators.ratescore import EntityEncoder, EntityRecognizer
from metrics.annotators.sources import annotate, annotator, weights_of
from metrics.errors import InputError
from metrics.parity import compare_engines
from metrics.samples import TestSet
from metrics.selection import select
from metrics.weights import locate
from tests.tiny_weights import GOLDEN, tiny_weights

__all__ = ["tiny_weights"]

pytestmark = pytest.mark.usefixtures("tiny_weights")

REPORTS: list[str] = json.loads(
    gzip.decompress((GOLDEN / "radgraph" / "radgraph" / "expected.json.gz").read_bytes())
)["reports"]
METRICS = {
    "radgraph": "radgraph_simple",
    "radgraph_combined": "radgraph_combined",
    "chexbert": "chexbert_micro_f1_14",
    "semb_score": "semb_score",
    "bertscore": "bertscore_f1",
    "radcliq": "radcliq_v1",
    "ratescore": "ratescore",
}
LOWER = ("bfloat16", "int8")


def signature(name: str, **settings: Any) -> str:
    (one,) = select([METRICS[name]], settings={name: settings})
    return one.metric.signature


def load(name: str, precision: str) -> Any:
    """Return a loaded annotator: a name of the sources, or "bertscore"."""
    if name == "bertscore":
        return BertScoreAnnotator.load(locate("distilroberta-base"), 5, precision=precision)
    kinds: dict[str, Any] = {
        "chexbert": CheXbertAnnotator,
        "ratescore": EntityRecognizer,
        "ratescore-embedding": EntityEncoder,
    }
    kind = kinds.get(name, RadGraphAnnotator)
    return kind.load(*map(locate, weights_of(name)), precision=precision)


@pytest.mark.parametrize("name", METRICS)
def test_the_default_is_float32_and_its_signature_is_as_before_there_was_a_choice(
    name: str,
) -> None:
    assert "precision" not in signature(name)
    assert signature(name) == signature(name, precision="float32")


@pytest.mark.parametrize("name", METRICS)
def test_another_precision_stands_in_the_signature(name: str) -> None:
    found = [signature(name, precision=precision) for precision in LOWER]
    assert [1, 1] == [
        one.count(f"|precision:{precision}|") for one, precision in zip(found, LOWER, strict=True)
    ]
    assert 3 == len({signature(name), *found})


def test_the_default_signature_of_radgraph_is_spelt_as_ever() -> None:
    expected = "radgraph|annotator:radgraph|matching:pypi|weights:radgraph"
    assert signature("radgraph").startswith(expected)


def test_every_precision_is_remembered_by_itself() -> None:
    texts = REPORTS[:4]
    names = [f"chexbert{suffix}" for suffix in ("", "@bfloat16", "@int8")]
    found = [np.array([one.vector for one in annotate(name, texts)]) for name in names]
    again = [np.array([one.vector for one in annotate(name, texts)]) for name in names]
    assert all(map(np.array_equal, found, again))
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    signatures = {annotator(name).signature for name in names}
    assert 3 == len(signatures)
    assert annotator("chexbert@int8").signature.endswith("|precision:int8|v:2")
    assert signatures <= {one.signature for one in cache_info().kept if "chexbert" == one.annotator}


def test_bertscores_pairs_of_every_precision_are_remembered_by_themselves() -> None:
    names = ("float32", *LOWER)
    found = [remembered_pairs("distilroberta-base", 5, None, name).signature for name in names]
    assert 3 == len(set(found))
    assert remembered_pairs("distilroberta-base", 5, None).signature == found[0]
    assert "precision" not in found[0]


def test_annotations_of_any_precision_are_exported_readably(tmp_path: Path) -> None:
    annotate("radgraph@int8", REPORTS[:1])
    export(tmp_path / "all.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    (row,) = [one for one in rows if one["signature"] == annotator("radgraph@int8").signature]
    assert {"text", "entities", "data_source", "data_split"} == row["annotation"].keys()


def moved_entities(exact: list[Any], found: list[Any]) -> float:
    """Return the share of entities that only one side has."""
    sides = [
        {(i, e["start_ix"], e["end_ix"], e["label"]) for i, one in enumerate(side) for e in one}
        for side in ([one["entities"].values() for one in side] for side in (exact, found))
    ]
    return len(sides[0] ^ sides[1]) / len(sides[0])


def largest(exact: Any, found: Any) -> float:
    return float(np.abs(np.array(exact) - np.array(found)).max())


def vectors(annotations: list[Any]) -> Any:
    return [one.vector for one in annotations]


def changed(exact: list[Any], found: list[Any]) -> float:
    return float(np.mean([a != b for a, b in zip(exact, found, strict=True)]))


DEVIATIONS: list[tuple[str, Callable[[Any, Any], float], float, float]] = [
    ("radgraph", moved_entities, 0.05, 0.25),
    ("radgraph-xl", moved_entities, 0.08, 0.25),
    ("modern-radgraph-xl", moved_entities, 0.08, 0.25),
    ("chexbert", lambda a, b: largest(vectors(a), vectors(b)), 0.06, 0.25),
    ("ratescore", changed, 0.4, 0.7),
    ("ratescore-embedding", largest, 0.2, 0.4),
]
"""An annotator, how far it deviates on random weights, and what bfloat16 and int8 may."""


@pytest.mark.parametrize(("name", "deviation", "bfloat16", "int8"), DEVIATIONS)
def test_annotations_deviate_within_a_band(
    name: str, deviation: Callable[[Any, Any], float], bfloat16: float, int8: float
) -> None:
    exact, rough, rougher = (
        load(name, precision).annotate_distinct(REPORTS) for precision in ("float32", *LOWER)
    )
    assert 0 < deviation(exact, rough) <= bfloat16
    assert 0 < deviation(exact, rougher) <= int8


def test_bertscore_deviates_within_a_band() -> None:
    turned = [text[::-1] for text in REPORTS]
    exact, *others = (load("bertscore", p).scores(REPORTS, turned) for p in ("float32", *LOWER))
    for other in others:
        assert 0 < largest(exact, other) < 1e-3


@pytest.mark.parametrize("precision", ["float32", *LOWER])
@pytest.mark.parametrize("name", ["radgraph", "chexbert", "ratescore", "ratescore-embedding"])
def test_on_a_cpu_other_texts_do_not_move_a_byte_in_any_precision(
    name: str, precision: str
) -> None:
    one = load(name, precision)
    texts = REPORTS[:9]
    together = one.annotate_distinct(texts)
    turned = one.annotate_distinct(texts[::-1])[::-1]
    alone = [one.annotate_distinct([text])[0] for text in texts]
    assert list(map(one.encode, together)) == list(map(one.encode, turned))
    assert list(map(one.encode, together)) == list(map(one.encode, alone))


def test_scores_say_what_they_were_made_with() -> None:
    sides = (REPORTS[:6], REPORTS[6:12])
    plain, rough = (
        score(*sides, metrics=list(METRICS.values()), resamples=0, settings=settings)
        for settings in ({}, {name: {"precision": "int8"} for name in METRICS})
    )
    values = [
        [one.score for one in table.systems["system"].metrics.values()] for table in (plain, rough)
    ]
    assert values[0] != values[1]
    assert largest(*values) < 0.3


def test_the_functions_of_one_metric_take_it() -> None:
    sides = (REPORTS[:2], REPORTS[2:4])
    assert 2 == str(radgraph_f1(*sides, precision="int8").signature).count("precision:int8")
    found = str(chexbert_f1(*sides, precision="bfloat16").signature)
    assert "precision:bfloat16" in found


def test_both_models_of_ratescore_are_lowered() -> None:
    paths = locate("rate-ner"), locate("biolord")
    own = RaTEScoreAnnotator.load(*paths, precision="int8")
    expected = load("ratescore", "int8").annotate_distinct(REPORTS)
    assert expected == own.annotate(REPORTS)
    plain = RaTEScoreAnnotator.load(*paths)
    pairs = (REPORTS[:8], REPORTS[8:16])
    assert not np.array_equal(plain.scores(*pairs), own.scores(*pairs))


def test_parity_compares_it_with_the_package_as_it_is() -> None:
    given = {"radgraph": {"precision": "int8", "matching": "github"}}
    selected = select(["radgraph_simple"], settings=given)
    (row,) = compare_engines(selected, TestSet(["1"], [[REPORTS[0]]]), [REPORTS[1]])
    assert (None, True) == (row.official, row.equal)


@pytest.mark.parametrize(
    "name", ["radgraph", "chexbert", "bertscore", "ratescore", "ratescore-embedding"]
)
def test_a_wrong_precision_is_one_error_wherever_it_is_given(name: str) -> None:
    message = "precision is 'fp16'. Write one of float32, bfloat16, int8."
    with pytest.raises(InputError, match=message):
        load(name, "fp16")
    if name != "bertscore":
        with pytest.raises(InputError, match=message):
            annotate(f"{name}@fp16", ["x"])


@pytest.mark.parametrize("name", METRICS)
def test_a_wrong_precision_is_refused_before_anything_is_read(name: str) -> None:
    with pytest.raises(InputError, match=r"precision is 'int4'\. Write one of float32"):
        select([METRICS[name]], settings={name: {"precision": "int4"}})
    with pytest.raises(InputError, match=f"{name}.precision is 8. Write a text"):
        select([METRICS[name]], settings={name: {"precision": 8}})
