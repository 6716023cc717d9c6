"""What a user sets of a metric reaches it: numbers move, and the signature says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import metrics
from metrics import bertscore, chexbert_f1, radgraph_f1, score
from metrics._radgraph import Radgraph
from metrics.annotators.ratescore.entities import TYPES
from metrics.errors import InputError, MissingError
from metrics.metric_settings import settable, with_paths
from metrics.registry import ENTRIES
from metrics.selection import select
from tests.tiny_weights import tiny_weights

__all__ = ["tiny_weights"]

REFERENCES = [
    "Small left pleural effusion. The heart is normal.",
    "Possible right basilar atelectasis or pneumonia.",
    "No pneumothorax. Stable cardiomegaly.",
]
PREDICTIONS = [
    "small Left Pleural effusion. Heart is normal.",
    "Right basilar opacity, possibly atelectasis.",
    "no Pneumothorax. Enlarged heart.",
]


def signature(name: str, **settings: Any) -> str:
    (one,) = select([name], settings={name: settings})
    return one.metric.signature


def scored(name: str, **settings: Any) -> dict[str, float | None]:
    table = score(PREDICTIONS, REFERENCES, metrics=name, settings={name: settings}, resamples=0)
    return {key: one.score for key, one in table.systems["system"].metrics.items()}


@pytest.mark.parametrize(
    ("name", "settings", "signed"),
    [
        ("chexbert", {"uncertain": "negative"}, "uncertain:negative"),
        ("ratescore", {"matrix": "short"}, "matrix:short"),
        ("bertscore", {"model": "distilroberta-base"}, "model:distilroberta-base"),
        ("bertscore", {"layer": 2}, "layer:2"),
        ("bertscore", {"idf": True}, "idf:yes"),
        ("bertscore", {"rescale": True}, "rescale:yes"),
        ("radcliq", {"idf": True}, "idf:yes"),
        ("bertscore", {"precision": "bfloat16"}, "precision:bfloat16"),
        ("semb_score", {"precision": "int8"}, "precision:int8"),
        ("radcliq", {"precision": "int8"}, "precision:int8"),
        ("rougeL", {"beta": 2}, "beta:2"),
    ],
)
def test_a_setting_moves_the_score_and_stands_in_the_signature(
    tiny_weights: None, name: str, settings: dict[str, Any], signed: str
) -> None:
    assert signed not in signature(name)
    assert signed in signature(name, **settings)
    assert scored(name) != scored(name, **settings)


def test_files_are_settings_too(tiny_weights: None, tmp_path: Path) -> None:
    baselines = tmp_path / "ours.tsv"
    baselines.write_text("LAYER,P,R,F\n5,0.5,0.5,0.5\n")
    own = {"rescale": True, "baseline_file": str(baselines)}
    plain, rescaled = scored("bertscore"), scored("bertscore", **own)
    for key, value in plain.items():
        assert (value - 0.5) / 0.5 == pytest.approx(rescaled[key])  # type: ignore[operator]
    assert "rescale:sha256-" in signature("bertscore", **own)
    matrix = tmp_path / "ours.json"
    pairs = {f"{a}_{b}".lower(): 0.5 for a in TYPES for b in TYPES}
    matrix.write_text(json.dumps({**pairs, "neg_weight": 0.1}))
    assert "matrix:sha256-" in signature("ratescore", matrix=str(matrix))
    assert scored("ratescore") != scored("ratescore", matrix=str(matrix))


def test_the_functions_of_one_metric_take_its_settings(tiny_weights: None) -> None:
    def signed(found: metrics.MetricResult) -> str:
        return str(found.signature)

    assert "matching:github" in signed(radgraph_f1(PREDICTIONS, REFERENCES, matching="github"))
    other = signed(radgraph_f1(PREDICTIONS, REFERENCES, annotator="radgraph-xl"))
    assert 2 == other.count("annotator:radgraph-xl")
    assert "weights:radgraph," not in other
    found = chexbert_f1(PREDICTIONS, REFERENCES, uncertain="negative")
    assert "uncertain:negative" in signed(found)
    assert "layer:1" in signed(bertscore(PREDICTIONS, REFERENCES, layer=1))
    with pytest.raises(InputError, match=r"'chexbert' has no setting 'uncertan'.*'uncertain'"):
        chexbert_f1(PREDICTIONS, REFERENCES, uncertan="negative")


def test_they_go_before_the_protocols_own_and_leave_its_others() -> None:
    (one,) = select(["rexrank/bertscore_f1"], settings={"bertscore": {"idf": True}})
    for part in ("model:distilroberta-base", "rescale:yes", "idf:yes"):
        assert part in one.metric.signature
    (two,) = select(["bleu4"], "sacrebleu", settings={"bleu": {"smoothing": "none"}})
    assert "length:closest|smoothing:none" in two.metric.signature


def test_equal_settings_of_two_protocols_are_computed_once() -> None:
    names = ["radgraph_simple", "radgraph-xl/radgraph_simple"]
    assert 2 == len(select(names))
    assert 1 == len(select(names, settings={"radgraph": {"annotator": "radgraph-xl"}}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"radgrph": {"matching": "github"}}, "unknown metric 'radgrph'. Did you mean 'radgraph'"),
        ({"radgraph_simple": {}}, "unknown metric 'radgraph_simple'. Did you mean 'radgraph'"),
        ({"zzz": {}}, "unknown metric 'zzz'. Metrics: bleu, "),
        ({"radgraph": {"maching": "github"}}, "no setting 'maching'. Did you mean 'matching'"),
        ({"radgraph": {"zzz": 1}}, "no setting 'zzz'. It has annotator, matching"),
        ({"radgraph": {"matching": "hub"}}, "hub"),
        ({"radgraph": {"matching": 3}}, "radgraph.matching is 3. Write a text"),
        ({"radgraph": {"matching": None}}, "radgraph.matching is None. Write a text"),
        ({"radgraph": "github"}, "settings of 'radgraph' are 'github'"),
        ({"bertscore": {"layer": True}}, "layer is True. Write a whole number or null"),
        ({"bertscore": {"idf": 1}}, "idf is 1. Write true or false"),
        ({"bertscore": {"treatment": "libra"}}, "no setting 'treatment'"),
        ({"rougeL": {"beta": float("nan")}}, "beta is nan. Write a number"),
        ({"cider": {"sigma": 0}}, "sigma must be above 0"),
        ({"semb_score": {"idf": True}}, "no setting 'idf'. It has precision"),
        ({"meteor": {"idf": True}}, "no setting 'idf'. It has none"),
        ({"semb_score": {"precision": "fp16"}}, "precision is 'fp16'. Write one of float32, bf"),
        ({"meteor": {}}, "'meteor', which is not computed here"),
        (["radgraph"], "settings must be fields by metric"),
    ],
)
def test_wrong_settings_are_one_error_that_offers_the_nearest(settings: Any, message: str) -> None:
    names = ["radgraph", "bertscore", "rougeL", "cider", "semb_score"]
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        select(names, settings=settings)


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")
    with pytest.raises(MissingError, match="absent"):
        select(["ratescore"], settings={"ratescore": {"matrix": absent}})
    given = {"rescale": True, "baseline_file": absent}
    with pytest.raises(MissingError, match="absent"):
        select(["bertscore"], settings={"bertscore": given})


def test_a_model_that_is_no_folder_is_missing_before_anything_is_read(tmp_path: Path) -> None:
    model = str(tmp_path / "bert-base-uncased")
    (one,) = select(["bertscore"], settings={"bertscore": {"model": model}})
    assert [f"the model {model} (neither in `cxr-harness weights list` nor a folder)"] == (
        one.metric.lacking
    )
    (tmp_path / "bert-base-uncased").mkdir()
    assert [] == one.metric.lacking


@pytest.mark.parametrize("given", [Radgraph(), [Radgraph(matching="github")], ["bleu", 4]])
def test_metrics_are_given_by_name(given: Any) -> None:
    with pytest.raises(InputError, match=r"A metric is given as \w+. Give its name"):
        score(PREDICTIONS, REFERENCES, metrics=given)


def test_names_stay_names_and_paths_become_absolute(tmp_path: Path) -> None:
    given: dict[str, dict[str, Any]] = {
        "bertscore": {"model": "distilroberta-base", "baseline_file": "b.tsv", "layer": 5},
        "ratescore": {"matrix": "long"},
    }
    expected = {**given["bertscore"], "baseline_file": str(tmp_path / "b.tsv")}
    assert {**given, "bertscore": expected} == with_paths(given, tmp_path)
    found = with_paths({"bertscore": {"model": "m"}, "ratescore": {"matrix": "m.json"}}, tmp_path)
    assert {
        "bertscore": {"model": str(tmp_path / "m")},
        "ratescore": {"matrix": str(tmp_path / "m.json")},
    } == found


@pytest.mark.parametrize("name", ENTRIES)
def test_every_metrics_own_defaults_can_be_given(name: str) -> None:
    from metrics.registry import metric_class

    defaults = {field: getattr(metric_class(name), field) for field in settable(name)}
    protocol = "rexrank" if name == "bleu2_sentence" else None
    names = ["bleu2"] if protocol else [ENTRIES[name].outputs[0]]
    (given, *_), (plain, *_) = (
        select(names, protocol, settings={name: values}, wordings={}) for values in (defaults, {})
    )
    assert plain.metric.signature == given.metric.signature
