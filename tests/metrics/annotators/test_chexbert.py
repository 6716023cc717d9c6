import json
import os
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.annotators import CheXbertAnnotator, encoders
from metrics.annotators.first_token import FirstTokenEncoder
from metrics.conditions import CONDITIONS
from metrics.errors import InputError, MissingError

FOLDER = Path(__file__).parents[2] / "golden" / "chexbert"
CHECKPOINT = FOLDER / "chexbert.pth"
ENCODER = FOLDER / "bert-base-uncased"
GOLDEN: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text("utf-8"))
INPUTS: dict[str, list[str]] = json.loads((FOLDER / "inputs.json").read_text("utf-8"))
ODD = ["\ud800", "caf\u00e9 \u200b\u2003x", "\x00\x1c\x85", "\u80ba", "[SEP] [MASK]", "a" * 3000]
TEXTS = [*INPUTS["reports"], *INPUTS["hyps"], *ODD]


@pytest.fixture(scope="module")
def annotator() -> CheXbertAnnotator:
    return CheXbertAnnotator.load(CHECKPOINT)


def test_conditions_are_in_the_published_order() -> None:
    assert GOLDEN["conditions"] == list(CONDITIONS)


def test_golden_reports_get_the_official_labels(annotator: CheXbertAnnotator) -> None:
    labels = annotator.annotate(INPUTS["reports"]).labels
    np.testing.assert_array_equal(GOLDEN["argmax_classes"], labels)


def test_golden_reports_get_the_official_vectors(annotator: CheXbertAnnotator) -> None:
    vectors = annotator.annotate(INPUTS["reports"]).vectors
    assert np.float32 == vectors.dtype
    np.testing.assert_allclose(vectors, GOLDEN["cls_vectors"], rtol=1e-5, atol=2e-5)


def test_shapes_hold_without_texts(annotator: CheXbertAnnotator) -> None:
    found = annotator.annotate([])
    assert ((0, 14), (0, 64)) == (found.labels.shape, found.vectors.shape)


def test_empty_and_blank_texts_are_one_annotation(annotator: CheXbertAnnotator) -> None:
    found = annotator.annotate(["", "  ", "\n\t\r\n", "\ud800"])
    assert (found.vectors == found.vectors[0]).all()


def test_any_iterable_of_texts_is_annotated(annotator: CheXbertAnnotator) -> None:
    expected = annotator.annotate(INPUTS["reports"][:3])
    found = annotator.annotate(text for text in INPUTS["reports"][:3])
    np.testing.assert_array_equal(expected.labels, found.labels)
    np.testing.assert_array_equal(expected.vectors, found.vectors)


@pytest.mark.parametrize(
    ("texts", "told"), [("a text", "one string"), (["", None], r"texts\[1\] is None")]
)
def test_what_is_no_list_of_texts_is_refused(
    annotator: CheXbertAnnotator, texts: Any, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        annotator.annotate(texts)


def test_white_space_does_not_count(annotator: CheXbertAnnotator) -> None:
    found = annotator.annotate(["Lungs\x1care\u2003 clear.\n", " lungs are clear."])
    assert (found.vectors[0] == found.vectors[1]).all()


def test_characters_that_are_none_do_not_count(annotator: CheXbertAnnotator) -> None:
    found = annotator.annotate(["no\uffffeffusion", "no\ud800effusion\u0378", "noeffusion"])
    assert (found.vectors == found.vectors[0]).all()


def test_words_after_the_510th_piece_do_not_count(annotator: CheXbertAnnotator) -> None:
    long = " ".join(["clear"] * 510)
    found = annotator.annotate([long, f"{long} no effusion", f"no effusion {long}"]).vectors
    assert [True, False] == [(found[0] == other).all() for other in found[1:]]


@pytest.mark.parametrize("size", [1, 7, 64])
def test_batches_and_order_do_not_move_a_bit(annotator: CheXbertAnnotator, size: int) -> None:
    whole = annotator.annotate(TEXTS)
    order = random.Random(size).sample(range(len(TEXTS)), len(TEXTS))
    for start in range(0, len(order), size):
        part = order[start : start + size]
        found = annotator.annotate([TEXTS[i] for i in part])
        assert whole.labels[part].tobytes() == found.labels.tobytes()
        assert whole.vectors[part].tobytes() == found.vectors.tobytes()


@settings(max_examples=30, deadline=None)
@given(text=st.text(st.characters(codec=None), max_size=40))
def test_any_text_has_an_annotation_that_bytes_keep(
    annotator: CheXbertAnnotator, text: str
) -> None:
    (found,) = annotator.annotate_distinct([text])
    again = CheXbertAnnotator.decode(CheXbertAnnotator.encode(found))
    assert (found.labels.tolist(), found.vector.tolist()) == (
        again.labels.tolist(),
        again.vector.tolist(),
    )


def test_the_last_layer_for_one_token_gives_what_the_whole_gives() -> None:
    plain: Any = encoders.build_encoder(encoders.load_config(ENCODER))
    torch.manual_seed(0)
    for parameter in plain.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    sequences = [[2, *range(10, 30), 3], [2, 3], [2, 40, 3]]
    with torch.inference_mode():
        expected = [plain(torch.tensor([ids])).last_hidden_state[0, 0] for ids in sequences]
        found = FirstTokenEncoder(plain, 0, "cpu")(sequences)
    torch.testing.assert_close(torch.stack(expected), found, rtol=1e-5, atol=5e-5)


def state() -> dict[str, Any]:
    found: dict[str, Any] = torch.load(CHECKPOINT, weights_only=True)
    return found


def refusal(tmp_path: Path, content: dict[str, Any]) -> str:
    path = tmp_path / "chexbert.pth"
    torch.save(content, path)
    with pytest.raises(InputError) as caught:
        CheXbertAnnotator.load(path, ENCODER)
    return str(caught.value)


def test_bare_keys_and_unused_ones_are_read(tmp_path: Path, annotator: CheXbertAnnotator) -> None:
    weights = {
        name.removeprefix("module."): value
        for name, value in state()["model_state_dict"].items()
        if "pooler" not in name and "position_ids" not in name
    }
    path = tmp_path / "bare.pth"
    torch.save(weights, path)
    found = CheXbertAnnotator.load(path, ENCODER).annotate(INPUTS["reports"][:3])
    assert annotator.annotate(INPUTS["reports"][:3]).vectors.tobytes() == found.vectors.tobytes()


@pytest.mark.parametrize(
    "name", ["linear_heads.13.bias", "bert.encoder.layer.1.output.dense.weight"]
)
def test_a_missing_key_is_an_error(tmp_path: Path, name: str) -> None:
    content = state()
    del content["model_state_dict"][f"module.{name}"]
    assert f"  module.{name}: missing (" in refusal(tmp_path, content)


def test_an_unexpected_key_and_a_wrong_shape_are_told_in_one_error(tmp_path: Path) -> None:
    content = state()
    content["model_state_dict"]["module.linear_heads.14.bias"] = torch.zeros(2)
    content["model_state_dict"]["module.linear_heads.13.bias"] = torch.zeros(4)
    message = refusal(tmp_path, content)
    assert "  module.linear_heads.13.bias: expected (2,), found (4,)" in message
    assert "  module.linear_heads.14.bias: unexpected (2,)" in message


def test_a_weight_that_is_not_a_number_is_named(tmp_path: Path) -> None:
    content = state()
    content["model_state_dict"]["module.linear_heads.3.weight"][2, 5] = float("nan")
    assert "damaged: module.linear_heads.3.weight holds" in refusal(tmp_path, content)


def test_a_file_without_weights_is_an_error(tmp_path: Path) -> None:
    assert "no mapping from names to tensors" in refusal(tmp_path, {"epoch": 3})


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_with_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "chexbert.pth", tmp_path / "trace"
    path.write_bytes(pickle.dumps({"model_state_dict": Touch(trace)}))
    with pytest.raises(InputError, match="run code"):
        CheXbertAnnotator.load(path, ENCODER)
    assert "run code" in refusal(tmp_path, {"model_state_dict": Touch(trace)})
    assert not trace.exists()


def test_an_absent_file_is_a_missing_error(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="not there"):
        CheXbertAnnotator.load(tmp_path / "chexbert.pth", ENCODER)


def test_an_absent_encoder_is_a_missing_error(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"config\.json"):
        CheXbertAnnotator.load(CHECKPOINT, tmp_path)


def test_an_encoder_of_another_kind_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "roberta"}')
    with pytest.raises(InputError, match="holds a roberta encoder"):
        CheXbertAnnotator.load(CHECKPOINT, tmp_path)
