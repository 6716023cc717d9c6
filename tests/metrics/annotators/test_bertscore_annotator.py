import json
import math
import pickle
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from metrics.annotators.bertscore import BertScoreAnnotator, pair_key
from metrics.annotators.bertscore.encoder import TokenEncoder
from metrics.annotators.bertscore.remembered import Corpus, RememberedPairs
from metrics.annotators.bertscore.tables import baseline, default_layer
from metrics.cache import AnnotationCache
from metrics.errors import InputError, MissingError

FOLDER = Path(__file__).parents[2] / "golden" / "bertscore"
CASES: list[dict[str, Any]] = json.loads((FOLDER / "expected.json").read_text("utf-8"))["cases"]
INPUTS: dict[str, list[str]] = json.loads((FOLDER / "inputs.json").read_text("utf-8"))
PREDICTIONS, REFERENCES = INPUTS["predictions"], INPUTS["references"]
ODD = [
    "\ud800",
    "caf\u00e9 \u200b\u2003x",
    "\x00\x1c\x85",
    "\u80ba",
    "<pad> heart <s> [PAD]",
    "a" * 3000,
]
MODELS = ("tiny-bert", "tiny-distilbert", "tiny-roberta", "tiny-deberta")


class CountingEncoder(TokenEncoder):
    encoded = 0

    def vectors(self, pieces: Sequence[Sequence[int]]) -> list[torch.Tensor]:
        self.encoded += len(pieces)
        return super().vectors(pieces)


@pytest.fixture(scope="module", params=MODELS)
def annotator(request: pytest.FixtureRequest) -> BertScoreAnnotator:
    return BertScoreAnnotator.load(FOLDER / request.param, 3)


@pytest.mark.parametrize("model", ["tiny-bert", "tiny-distilbert"])
@pytest.mark.parametrize(
    "odd", ["\x00", "\u200b", "\u0378", "\u0890", "\uffff", "\ue000", "\U0001faff"]
)
def test_characters_of_no_use_are_dropped_as_in_berts_own_tokeniser(model: str, odd: str) -> None:
    encoder = TokenEncoder.load(FOLDER / model, 1, "cpu")
    [plain, found] = encoder.pieces(["no acute", f"no {odd}ac{odd}ute{odd}"])
    assert plain == found
    assert not encoder.special_ids & set(encoder.pieces([f"[SE{odd}P]"])[0][1:-1])


def test_a_model_with_weights_that_are_no_numbers_is_refused(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER / "tiny-distilbert", tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    name = min(name for name in weights if "layer.0" in name)
    weights[name].view(-1)[0] = float("inf")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="not finite numbers"):
        BertScoreAnnotator.load(folder, 1)


@pytest.mark.parametrize("sides", [("a", ["a"]), (["a"], "a"), ([None], ["a"])])
def test_what_is_no_list_of_texts_is_refused(sides: Any) -> None:
    with pytest.raises(InputError, match=r"not a text|one string"):
        BertScoreAnnotator.load(FOLDER / "tiny-bert", 1).scores(*sides)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c['model']}-{c['layer']}-{c['rescale']}")
def test_golden_pairs_score_as_the_official_package(case: dict[str, Any]) -> None:
    corpus = REFERENCES if case["idf"] else None
    annotator = BertScoreAnnotator.load(FOLDER / case["model"], case["layer"], corpus)
    found = annotator.scores(PREDICTIONS, REFERENCES)
    if case["rescale"]:
        unrelated = baseline(case["model"], case["layer"], FOLDER / "baselines.tsv")
        found = (found - unrelated) / (1 - unrelated)
    expected = np.column_stack([case[name] for name in ("precision", "recall", "f1")])
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_batches_and_order_do_not_move_a_byte(annotator: BertScoreAnnotator, size: int) -> None:
    predictions, references = [*PREDICTIONS, *ODD], [*REFERENCES, *reversed(ODD)]
    whole = annotator.scores(predictions, references)
    order = np.random.default_rng(size).permutation(len(predictions))
    for start in range(0, len(order), size):
        part = order[start : start + size].tolist()
        found = annotator.scores([predictions[i] for i in part], [references[i] for i in part])
        assert found.tobytes() == whole[part].tobytes()


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=4))
@settings(max_examples=25, deadline=None)
def test_a_pair_scores_as_it_does_alone_and_swapping_swaps(pairs: list[tuple[str, str]]) -> None:
    annotator = _bert()
    found = annotator.scores([p for p, _ in pairs], [r for _, r in pairs])
    assert (len(pairs), 3) == found.shape
    for (prediction, reference), row in zip(pairs, found, strict=True):
        alone = annotator.scores([prediction], [reference])[0]
        assert row.tobytes() == alone.tobytes()
        swapped = annotator.scores([reference], [prediction])[0]
        np.testing.assert_allclose(swapped, row[[1, 0, 2]], atol=1e-6)


def _bert(cached: list[BertScoreAnnotator] = []) -> BertScoreAnnotator:  # noqa: B006
    if not cached:
        cached.append(BertScoreAnnotator.load(FOLDER / "tiny-bert", 3))
    return cached[0]


@pytest.mark.parametrize("pair", [("", "heart"), ("heart", " \n"), ("", ""), ("\ud800", "heart")])
def test_a_side_without_tokens_scores_nothing(
    annotator: BertScoreAnnotator, pair: tuple[str, str]
) -> None:
    assert [[0.0, 0.0, 0.0]] == annotator.scores([pair[0]], [pair[1]]).tolist()


def test_tokens_that_all_references_hold_score_nothing_with_idf() -> None:
    annotator = BertScoreAnnotator.load(FOLDER / "tiny-bert", 3, ["heart"])
    assert [[0.0, 0.0, 0.0]] == annotator.scores(["heart"], ["heart"]).tolist()


def test_equal_texts_score_one(annotator: BertScoreAnnotator) -> None:
    found = annotator.scores(["The heart is normal."], ["The heart is normal."])
    np.testing.assert_allclose(found, 1.0, atol=1e-6)


def test_each_distinct_text_is_encoded_once_for_many_systems_and_a_shared_answer() -> None:
    encoder = CountingEncoder.load(FOLDER / "tiny-bert", 3, "cpu")
    references = [f"heart {i}" for i in range(150)]
    pairs = [(f"lungs {s} {i}", r) for s in range(6) for i, r in enumerate(references)]
    pairs += [("normal", r) for r in references]
    scores = dict(BertScoreAnnotator(encoder).stream(pairs))
    assert set(pairs) == set(scores)
    assert 150 + 6 * 150 + 1 == encoder.encoded


def test_annotations_are_read_back_to_the_last_digit() -> None:
    keys = [pair_key(p, r) for p, r in zip(PREDICTIONS, REFERENCES, strict=True)]
    found = _bert().annotate_distinct(keys)
    encode, decode = BertScoreAnnotator.encode, BertScoreAnnotator.decode
    assert found == [decode(encode(score)) for score in found]


def test_a_warm_cache_needs_no_model(tmp_path: Path) -> None:
    pairs = list(zip(PREDICTIONS, REFERENCES, strict=True))
    cache = AnnotationCache(tmp_path / "cache.sqlite3")
    cold = RememberedPairs("tiny", _bert, cache).scores(pairs)

    def refuse() -> BertScoreAnnotator:
        raise AssertionError

    spaced = [(f" {p}\n", r) for p, r in pairs]
    assert cold == RememberedPairs("tiny", refuse, cache).scores(spaced)
    assert [tuple(row) for row in _bert().scores(PREDICTIONS, REFERENCES).tolist()] == cold


def test_a_corpus_is_known_by_its_texts_in_any_order() -> None:
    assert Corpus(("a", "b", "b")).digest == Corpus(("b", "a", "b")).digest
    assert Corpus(("a", "b", "b")).digest != Corpus(("a", "b")).digest


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        ("distilbert-base-uncased", 5),
        ("distilroberta-base", 5),
        ("roberta-large", 17),
        ("microsoft/deberta-xlarge-mnli", 40),
        ("/somewhere/deberta-xlarge-mnli", 40),
    ],
)
def test_the_layer_is_the_official_choice(model: str, layer: int) -> None:
    assert layer == default_layer(model)


def test_an_unknown_model_has_no_default_layer() -> None:
    with pytest.raises(InputError, match="no default layer for 'tiny-bert'"):
        default_layer("tiny-bert")


def test_official_baselines_come_along() -> None:
    found = baseline("distilroberta-base", 5)
    assert [0.84732, 0.84759504, 0.8473319] == found.tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no file of BERTScore baselines"),
        ("LAYER,P,R,F\n3,x,0,0\n", "no file of BERTScore baselines"),
        ("LAYER,P,R,F\n3,1.0,1.0,1.0\n", "three numbers below 1"),
        ("LAYER,P,R,F\n2,0.1,0.1,0.1\n", r"no baseline of layer 3, but of \[2\]"),
    ],
)
def test_a_wrong_file_of_baselines_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "b.tsv").write_text(text)
    with pytest.raises(InputError, match=words):
        baseline("tiny-bert", 3, tmp_path / "b.tsv")


def test_absent_baselines_are_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="No baselines of 'tiny-bert'"):
        baseline("tiny-bert", 3)
    with pytest.raises(MissingError, match="cannot be read"):
        baseline("tiny-bert", 3, tmp_path / "b.tsv")


def test_a_layer_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="has the layers 0 to 4, not 5"):
        BertScoreAnnotator.load(FOLDER / "tiny-bert", 5)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER / "tiny-bert", tmp_path / "model"))


def test_missing_tensors_are_named(damaged: Path) -> None:
    weights = load_file(damaged / "model.safetensors")
    name = "bert.encoder.layer.0.attention.self.query.weight"
    del weights[name]
    save_file(weights, damaged / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"lack 1 .*\n  encoder.layer.0.attention.self.query"):
        BertScoreAnnotator.load(damaged, 3)


def test_wrong_shapes_are_refused(damaged: Path) -> None:
    config = json.loads((damaged / "config.json").read_text())
    (damaged / "config.json").write_text(json.dumps({**config, "intermediate_size": 48}))
    with pytest.raises(InputError, match=r"do not fit its config.json"):
        BertScoreAnnotator.load(damaged, 3)


def test_a_damaged_file_is_refused(damaged: Path) -> None:
    (damaged / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(InputError, match="damaged"):
        BertScoreAnnotator.load(damaged, 3)


def test_absent_weights_are_said_to_be_missing(damaged: Path) -> None:
    (damaged / "model.safetensors").unlink()
    with pytest.raises(MissingError, match=r"no weights: one of model\.safetensors"):
        BertScoreAnnotator.load(damaged, 3)


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_a_pickle_with_code_does_not_run(damaged: Path) -> None:
    (damaged / "model.safetensors").unlink()
    (damaged / "pytorch_model.bin").write_bytes(pickle.dumps(Hostile(damaged / "ran")))
    with pytest.raises(InputError, match="would run code when loaded, which is refused"):
        BertScoreAnnotator.load(damaged, 3)
    assert not (damaged / "ran").exists()


def test_weights_that_torch_saved_score_the_same(damaged: Path) -> None:
    weights = load_file(damaged / "model.safetensors")
    (damaged / "model.safetensors").unlink()
    torch.save(weights, damaged / "pytorch_model.bin")
    found = BertScoreAnnotator.load(damaged, 3).scores(PREDICTIONS, REFERENCES)
    assert _bert().scores(PREDICTIONS, REFERENCES).tobytes() == found.tobytes()


def test_idf_weighs_a_token_by_the_references_that_hold_it() -> None:
    annotator = BertScoreAnnotator.load(FOLDER / "tiny-bert", 0, ["heart", "heart", "lungs"])
    encoder = TokenEncoder.load(FOLDER / "tiny-bert", 0, "cpu")
    cls, *heart, _ = encoder.pieces(["heart"])[0]
    unseen = encoder.pieces(["opacity"])[0][1]
    expected = {cls: 0.0, heart[0]: math.log(4 / 3), unseen: math.log(4)}
    assert expected == {token: annotator.weights[token] for token in expected}
