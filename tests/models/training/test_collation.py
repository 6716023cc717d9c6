from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from models.errors import InputError
from models.training.collation import EncodedRecord, collate
from tests.models.training.goldens import golden

CASES = {case["id"]: case for case in golden("collator")["cases"]}
RIGHT = ("three_lengths", "reversed", "cut", "cut_before_every_answer", "single", "llama3_own_pad",
         "qwen")  # fmt: skip


def images(number: int, size: int = 2) -> tuple[Tensor, Tensor]:
    current, prior = (torch.full((3, size, size), 10.0 * number + n) for n in (1, 2))
    return current, prior


def records(case: dict[str, Any]) -> list[EncodedRecord]:
    return [
        EncodedRecord(one["input_ids"], one["labels"], images(number))
        for number, one in enumerate(case["instances"])
    ]


def batch(case: dict[str, Any]) -> dict[str, Tensor]:
    return collate(records(case), case["pad_token_id"], case["model_max_length"])


@pytest.mark.parametrize("name", RIGHT)
def test_batches_are_the_original_s(name: str) -> None:
    case = CASES[name]
    made = batch(case)
    assert case["keys"] == sorted(made)
    for key in ("input_ids", "labels", "attention_mask"):
        assert case[key] == made[key].tolist()
    assert case["images"]["shape"] == list(made["images"].shape)
    assert case["images"]["first_value"] == made["images"][:, :, 0, 0, 0].tolist()


def test_an_end_of_turn_that_is_also_the_padding_is_attended() -> None:
    case = CASES["llama3_pad_is_eos"]
    made = batch(case)
    assert case["input_ids"] == made["input_ids"].tolist()
    assert case["labels"] == made["labels"].tolist()
    lengths = [len(one["input_ids"]) for one in case["instances"]]
    assert lengths == made["attention_mask"].sum(dim=1).tolist()
    assert case["attention_mask"] != made["attention_mask"].tolist()


def test_a_batch_of_text_alone_has_no_images() -> None:
    made = collate([EncodedRecord([5, 6], [-100, 6]), EncodedRecord([7], [7])], pad_token_id=0)
    assert ["attention_mask", "input_ids", "labels"] == sorted(made)
    assert [[5, 6], [7, 0]] == made["input_ids"].tolist()
    assert [[-100, 6], [7, -100]] == made["labels"].tolist()


def test_a_mixed_batch_keeps_its_images_at_their_records() -> None:
    mixed = [EncodedRecord([5], [5]), EncodedRecord([-200, 6], [-100, 6], images(1))]
    made = collate(mixed, pad_token_id=0)
    assert [[0.0, 11.0], [0.0, 12.0]] == made["images"][:, :, 0, 0, 0].tolist()


def test_one_image_stands_for_both() -> None:
    made = collate([EncodedRecord([-200], [-100], images(3)[:1])], pad_token_id=0)
    assert [[31.0], [31.0]] == made["images"][:, :, 0, 0, 0].tolist()


def test_padding_on_the_left_is_for_generation() -> None:
    made = collate([EncodedRecord([5], [5]), EncodedRecord([6, 7], [6, 7])], 0, 8, "left")
    assert [[0, 5], [6, 7]] == made["input_ids"].tolist()
    assert [[-100, 5], [6, 7]] == made["labels"].tolist()
    assert [[False, True], [True, True]] == made["attention_mask"].tolist()


@pytest.mark.parametrize(
    ("odd", "sentence"),
    [
        (EncodedRecord([-200], [-100], (*images(0), images(1)[0])), "3 images"),
        (EncodedRecord([-200], [-100]), "no image"),
        (EncodedRecord([5, 6], [5]), "2 ids but 1 labels"),
        (EncodedRecord([-200], [-100], images(0, size=3)), "differ in size"),
    ],
)
def test_odd_records_are_refused(odd: EncodedRecord, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        collate([EncodedRecord([-200], [-100], images(1)), odd], pad_token_id=0)


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(InputError, match="at least one"):
        collate([], pad_token_id=0)
