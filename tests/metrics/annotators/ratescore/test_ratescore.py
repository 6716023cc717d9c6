import json
import pickle
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from metrics.annotators import RaTEScoreAnnotator
from metrics.annotators.ratescore import EntityEncoder, EntityRecognizer
from metrics.annotators.ratescore.affinity import MATRICES, read_affinity
from metrics.annotators.ratescore.entities import entity_ranges
from metrics.annotators.ratescore.folders import read_tokenizer
from metrics.annotators.ratescore.nearest import largest
from metrics.annotators.ratescore.pairs import pair_score
from metrics.annotators.ratescore.sentences import sentences
from metrics.errors import InputError, MissingError

FOLDER = Path(__file__).parents[3] / "golden" / "ratescore"
NER = FOLDER / "Angelakeke" / "RaTE-NER-Deberta"
ENCODER = FOLDER / "FremyCompany" / "BioLORD-2023-C"
SIDES = ("candidate", "reference")


def golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


PAIRS: list[dict[str, Any]] = golden("expected")["pairs"]
TEXTS = [pair[side] for side in SIDES for pair in PAIRS]
ODD = [
    "\ud800",
    "caf\u00e9 \u200b\u2003x",
    "\x00\x1c\x85",
    "\u80ba",
    "[SEP] [PAD] left [MASK] lung.",
]


@pytest.fixture(scope="module")
def annotator() -> RaTEScoreAnnotator:
    return RaTEScoreAnnotator.load(NER, ENCODER)


def copied(folder: Path, target: Path, without: str = "") -> Path:
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns(without) if without else None)
    return target


def test_any_iterable_of_texts_is_read(annotator: RaTEScoreAnnotator) -> None:
    texts = TEXTS[:3]
    assert annotator.annotate(texts) == annotator.annotate(text for text in texts)
    scores = annotator.scores(iter(texts), reversed(texts))
    np.testing.assert_array_equal(annotator.scores(texts, texts[::-1]), scores)


@pytest.mark.parametrize(
    ("texts", "told"), [("a text", "one string"), (["", None], r"\[1\] is None")]
)
def test_what_is_no_list_of_texts_is_refused(
    annotator: RaTEScoreAnnotator, texts: Any, told: str
) -> None:
    with pytest.raises(InputError, match=f"texts.*{told}"):
        annotator.annotate(texts)
    with pytest.raises(InputError, match=f"predictions.*{told}"):
        annotator.scores(texts, ["", ""])
    with pytest.raises(InputError, match=f"references.*{told}"):
        annotator.scores(["", ""], texts)


@pytest.mark.parametrize("side", SIDES)
def test_golden_reports_get_the_official_sentences(side: str) -> None:
    for pair in PAIRS:
        assert [one["text"] for one in pair[f"{side}_sentences"]] == sentences(pair[side])


@pytest.mark.parametrize("side", SIDES)
def test_golden_tags_give_the_official_entities_of_each_sentence(side: str) -> None:
    tokenizer = read_tokenizer(NER, 512)
    for sentence in (one for pair in PAIRS for one in pair[f"{side}_sentences"]):
        pieces, tags = sentence["pieces"], sentence["tags"]
        ids = tokenizer.encode(sentence["text"]).ids
        assert pieces == [tokenizer.id_to_token(i) for i in ids]
        found = [
            [tokenizer.decoder.decode(pieces[first : last + 1]), kind]
            for first, last, kind in entity_ranges(pieces, tags)
        ]
        assert sentence["entities"] == found


@pytest.mark.parametrize("side", SIDES)
def test_golden_reports_get_the_official_entities(annotator: RaTEScoreAnnotator, side: str) -> None:
    found = annotator.annotate([pair[side] for pair in PAIRS])
    expected = [
        [tuple(entity) for one in pair[f"{side}_sentences"] for entity in one["entities"]]
        for pair in PAIRS
    ]
    assert expected == found


@pytest.mark.parametrize("matrix", MATRICES)
def test_golden_pairs_get_the_official_scores(annotator: RaTEScoreAnnotator, matrix: str) -> None:
    predictions, references = ([pair[side] for pair in PAIRS] for side in SIDES)
    expected = [pair["scores"][matrix] for pair in PAIRS]
    found = annotator.scores(predictions, references, matrix)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)
    assert np.float64 == found.dtype


def test_golden_tag_sequences_give_the_official_entities() -> None:
    for case in golden("postprocess")["cases"]:
        tags = case["tags"]
        pieces = ["[CLS]", *(f"w{i}" for i in range(len(tags) - 2)), "[SEP]"]
        found = [[" ".join(pieces[a : b + 1]), kind] for a, b, kind in entity_ranges(pieces, tags)]
        assert case["entities"] == found


@pytest.mark.parametrize("matrix", MATRICES)
def test_golden_vectors_give_the_official_scores_ties_included(matrix: str) -> None:
    for case in golden("arithmetic")["cases"]:
        sides = [
            [(str(vector), kind) for vector, kind in zip(vectors, kinds, strict=True)]
            for vectors, kinds in (
                (case[f"{side}_embeddings"], case[f"{side}_types"]) for side in SIDES
            )
        ]
        both = [*case["candidate_embeddings"], *case["reference_embeddings"]]
        vectors = {str(vector): np.array(vector, np.float32) for vector in both}
        expected = case["score"][matrix]
        score = pair_score(sides[0], sides[1], vectors, read_affinity(matrix))
        assert abs(score - expected) <= 1e-5 * max(1, abs(expected))


def test_golden_entities_get_the_official_vectors() -> None:
    cases = golden("embeddings")["entities"]
    found = EntityEncoder.load(ENCODER).annotate_distinct([case["text"] for case in cases])
    np.testing.assert_allclose(found, [case["cls"] for case in cases], rtol=1e-5, atol=2e-5)


@given(values=st.lists(st.integers(0, 3).map(float), min_size=1, max_size=90))
def test_the_largest_is_the_one_that_topk_takes(values: list[float]) -> None:
    assert int(torch.topk(torch.tensor(values), 1).indices) == largest(values)


def test_reports_without_a_sentence_move_no_other_score(annotator: RaTEScoreAnnotator) -> None:
    predictions, references = ([pair[side] for pair in PAIRS[:5]] for side in SIDES)
    whole = annotator.scores(predictions, references)
    for blank in ("", " \n", "ab"):
        found = annotator.scores([blank, *predictions], [references[0], *references])
        assert [0.5, *whole] == found.tolist()


def test_annotations_and_scores_do_not_depend_on_the_batch(annotator: RaTEScoreAnnotator) -> None:
    chosen = [pair for pair in PAIRS if len(pair["reference"]) < 200]
    texts = [*(pair[side] for side in SIDES for pair in chosen), *ODD]
    whole = annotator.annotate(texts)
    order = list(range(len(texts)))
    random.Random(1).shuffle(order)
    assert [whole[i] for i in order] == annotator.annotate([texts[i] for i in order])
    assert whole == [annotator.annotate([text])[0] for text in texts]
    predictions, references = ([pair[side] for pair in chosen] for side in SIDES)
    scores = annotator.scores(predictions, references)
    alone = [
        annotator.scores([one], [other]).item()
        for one, other in zip(predictions, references, strict=True)
    ]
    assert alone == scores.tolist()
    swapped = annotator.scores(predictions[::-1], references[::-1])
    assert scores.tobytes() == swapped[::-1].tobytes()


def test_padded_batches_give_the_same_entities_and_scores(annotator: RaTEScoreAnnotator) -> None:
    # any name but "cpu" is read in padded batches, as on a GPU
    padded = RaTEScoreAnnotator.load(NER, ENCODER, device="cpu:0")
    assert annotator.annotate(TEXTS) == padded.annotate(TEXTS)
    sides = [[pair[side] for pair in PAIRS] for side in SIDES]
    expected = annotator.scores(*sides)
    np.testing.assert_allclose(padded.scores(*sides), expected, atol=5e-5, rtol=1e-5)


def test_no_texts_give_no_annotations(annotator: RaTEScoreAnnotator) -> None:
    assert [] == annotator.annotate([])
    assert (0,) == annotator.scores([], []).shape


def test_annotations_survive_as_bytes(annotator: RaTEScoreAnnotator) -> None:
    for entities in annotator.annotate([*TEXTS, *ODD]):
        assert entities == EntityRecognizer.decode(EntityRecognizer.encode(entities))
    (vector,) = EntityEncoder.load(ENCODER).annotate_distinct(["left lung"])
    assert vector.tobytes() == EntityEncoder.decode(EntityEncoder.encode(vector)).tobytes()


def test_lists_of_different_length_are_refused(annotator: RaTEScoreAnnotator) -> None:
    with pytest.raises(InputError, match="2 predictions for 1 references"):
        annotator.scores(["a", "b"], ["a"])


def test_a_matrix_is_read_from_a_file(annotator: RaTEScoreAnnotator, tmp_path: Path) -> None:
    numbers = golden_matrix("short")
    path = tmp_path / "own.json"
    path.write_text(json.dumps(numbers), "utf-8")
    predictions, references = ([pair[side] for pair in PAIRS[:3]] for side in SIDES)
    short = annotator.scores(predictions, references, "short")
    assert short.tolist() == annotator.scores(predictions, references, path).tolist()


def golden_matrix(name: str) -> dict[str, float]:
    affinity = read_affinity(name)
    pairs = {f"{a}_{b}".lower(): weight for (a, b), weight in affinity.weights.items()}
    return {**pairs, "neg_weight": affinity.negation}


def test_wrong_matrices_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    with pytest.raises(MissingError, match="long, short, or a JSON file"):
        read_affinity(path)
    path.write_text("{", "utf-8")
    with pytest.raises(InputError, match="no JSON file"):
        read_affinity(path)
    numbers = golden_matrix("long")
    del numbers["disease_anatomy"]
    path.write_text(json.dumps(numbers), "utf-8")
    with pytest.raises(InputError, match="no number for disease_anatomy"):
        read_affinity(path)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    folder = copied(NER, tmp_path / "ner", without="model.safetensors")
    with pytest.raises(MissingError, match=r"model\.safetensors, pytorch_model\.bin"):
        EntityRecognizer.load(folder)


def test_a_folder_of_another_model_is_refused() -> None:
    with pytest.raises(InputError, match="RaTE-NER-Deberta"):
        EntityRecognizer.load(ENCODER)


def test_weights_may_carry_a_prefix_positions_and_a_pooler(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    folder = copied(ENCODER, tmp_path / "encoder", without="model.safetensors")
    weights = load_file(ENCODER / "model.safetensors")
    renamed = {f"mpnet.{name}": value for name, value in weights.items()}
    extra = {"mpnet.embeddings.position_ids": torch.arange(4), "lm_head.bias": torch.zeros(3)}
    torch.save({**renamed, **extra}, folder / "pytorch_model.bin")
    expected = EntityEncoder.load(ENCODER).annotate_distinct(["left lung"])
    found = EntityEncoder.load(folder).annotate_distinct(["left lung"])
    assert expected[0].tobytes() == found[0].tobytes()


def test_weights_of_another_shape_end_in_a_table(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = copied(NER, tmp_path / "ner", without="model.safetensors")
    weights = load_file(NER / "model.safetensors")
    weights["classifier.bias"] = torch.zeros(3)
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(InputError, match=r"classifier\.bias: expected \(11,\), found \(3,\)"):
        EntityRecognizer.load(folder)


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


def test_code_in_a_pickle_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = copied(NER, tmp_path / "ner", without="model.safetensors")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Hostile()))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="would run code"):
        EntityRecognizer.load(folder)
    assert not (tmp_path / "ran").exists()


def test_the_order_of_labels_is_read_from_the_configuration(
    annotator: RaTEScoreAnnotator, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = copied(NER, tmp_path / "ner", without="model.safetensors")
    config = json.loads((NER / "config.json").read_text("utf-8"))
    labels = list(config["id2label"].values())[::-1]
    config["id2label"] = dict(enumerate(labels))
    config["label2id"] = {label: i for i, label in enumerate(labels)}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    weights = load_file(NER / "model.safetensors")
    for name in ("classifier.weight", "classifier.bias"):
        weights[name] = weights[name].flip(0).contiguous()
    save_file(weights, folder / "model.safetensors")
    found = EntityRecognizer.load(folder).annotate_distinct(TEXTS[:8])
    assert annotator.annotate(TEXTS[:8]) == found


def test_a_damaged_tokeniser_is_refused(tmp_path: Path) -> None:
    folder = copied(ENCODER, tmp_path / "encoder")
    (folder / "tokenizer.json").write_text("{", "utf-8")
    with pytest.raises(InputError, match="no tokeniser that can be read"):
        EntityEncoder.load(folder)


def test_ligatures_and_fractions_get_the_official_pieces() -> None:
    tokenizer = read_tokenizer(NER, 512)
    pieces = [tokenizer.id_to_token(i) for i in tokenizer.encode("\ufb01 \u00bd").ids]
    # the tokeniser of transformers 4.49
    assert ["[CLS]", "\u2581fi", "\u2581", "1", "[UNK]", "2", "[SEP]"] == pieces
