"""Where the image goes into a prompt, against X-iZhang/Libra @0d6c56a (``libra_splice.json``)."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from models.errors import InputError
from models.libra.model import LibraModel, splice
from models.libra.projectors import build_projector
from models.libra.prompts import IMAGE_TOKEN, IMAGE_TOKEN_INDEX, tokenize

GOLDEN = json.loads(
    (Path(__file__).parents[2] / "golden" / "libra_splice.json").read_text(encoding="utf-8")
)
CASES = {one["name"]: one for one in GOLDEN["cases"]}
PAD = 0
ids_strategy = st.lists(st.integers(0, 30), max_size=12)


def model_of(case: dict[str, Any]) -> LibraModel:
    table = nn.Embedding.from_pretrained(torch.tensor(case["embedding"]))
    language_model: Any = nn.Module()
    language_model.get_input_embeddings = lambda: table
    tower: Any = nn.Module()
    return LibraModel(language_model, tower, build_projector("linear", 4, 4, 1))


def embedded(case: dict[str, Any], row: int) -> Tensor:
    """Embed a row alone, as every prompt is here: without its padding."""
    mask = case["attention_mask"][row]
    ids = [one for one, seen in zip(case["input_ids"][row], mask, strict=True) if seen]
    image = torch.tensor(case["image_features"])[row]
    return model_of(case).embed_prompt(ids, image).detach()


@pytest.mark.parametrize(
    "name",
    [
        "infer_one",
        "infer_image_first",
        "train_equal",
        "train_right_padded",
        "train_row_without_image",
        "beam_one_sample",
        "beam_two_samples",
        "start_end_tuned",
    ],
)
def test_rows_equal_the_original_s_where_its_mask_is_on(name: str) -> None:
    case = CASES[name]
    for row, mask in enumerate(case["out_attention_mask"]):
        golden = torch.tensor(case["out_embeds"][row])[torch.tensor(mask, dtype=torch.bool)]
        torch.testing.assert_close(embedded(case, row), golden, rtol=0, atol=1e-6)


def test_left_padding_does_not_move_into_the_image() -> None:
    """The original masks image patches and leaves its padding visible; here padding is none."""
    case = CASES["infer_batch_left_padded"]
    assert [1, 1, 0, 0, 1, 1, 1] == case["out_attention_mask"][0]
    golden = torch.tensor(case["out_embeds"][0])
    assert torch.equal(golden[:2], torch.tensor(case["embedding"])[[PAD, PAD]])
    torch.testing.assert_close(embedded(case, 0), golden[2:], rtol=0, atol=1e-6)


def test_a_second_image_token_is_refused() -> None:
    """The original takes another sample's features, or fails with IndexError."""
    case = CASES["two_images_in_one_row"]
    assert "IndexError" == case["error"]
    with pytest.raises(InputError, match="has 2 image tokens"):
        embedded(case, 0)


def test_a_prompt_without_image_is_its_text_alone() -> None:
    case = CASES["no_images"]
    (ids,) = case["out_input_ids"]
    embeddings = model_of(case).embed_prompt(ids, None)
    assert torch.equal(torch.tensor(case["embedding"])[ids], embeddings)
    with pytest.raises(InputError, match="but there is no image"):
        splice([1, IMAGE_TOKEN_INDEX], None)


@given(ids_strategy, ids_strategy, st.integers(1, 5))
def test_an_image_takes_the_place_of_its_token(
    before: list[int], after: list[int], patches: int
) -> None:
    image = torch.zeros(patches, 4)
    pieces = splice([*before, IMAGE_TOKEN_INDEX, *after], image)
    assert before == pieces[0]
    assert image is pieces[1]
    assert after == pieces[2]
    assert [before] == splice(before, image)


@given(ids_strategy, ids_strategy, st.integers(1, 5))
def test_the_embedded_length_is_text_and_patches(
    before: list[int], after: list[int], patches: int
) -> None:
    model = model_of(CASES["infer_one"])
    image = torch.ones(patches, 4)
    found = model.embed_prompt([*before, IMAGE_TOKEN_INDEX, *after], image)
    assert len(before) + patches + len(after) == len(found)
    assert torch.equal(image, found[len(before) : len(before) + patches])


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=4).map("".join), min_size=1, max_size=4))
def test_ids_hold_an_image_token_for_each_image_and_one_begin_token(texts: list[str]) -> None:
    class Letters:
        bos_token_id = 1

        def __call__(self, text: str) -> SimpleNamespace:
            return SimpleNamespace(input_ids=[1, *map(ord, text)])

    ids = tokenize(IMAGE_TOKEN.join(texts), Letters())
    assert len(texts) - 1 == ids.count(IMAGE_TOKEN_INDEX)
    assert 1 == ids.count(1)
    assert "".join(texts) == "".join(chr(one) for one in ids if one > 1)
