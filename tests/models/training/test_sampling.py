from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InputError
from models.training import length_grouped_order
from models.training.sampling import record_lengths, validation_sample
from tests.models.training.goldens import golden

CASES = {case["id"]: case for case in golden("sampler")["cases"]}
MENDED = "modality_text_only"
GOOD = [case for name, case in CASES.items() if "order" in case and name != MENDED]
SIZES = ("batch_size", "world_size", "gradient_accumulation_steps")


def order(case: dict[str, Any], permutation: Any) -> list[int]:
    sizes = [case[name] for name in SIZES]
    return length_grouped_order(case["lengths"], *sizes, case["group_by_modality"], permutation)


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case["id"])
def test_the_order_is_the_original_s_for_its_random_draws(case: dict[str, Any]) -> None:
    assert case["order"] == order(case, [draw["permutation"] for draw in case["draws"]])


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case["id"])
def test_torch_s_generator_gives_the_original_s_order(case: dict[str, Any]) -> None:
    if case["generator_seed"] is None:
        torch.manual_seed(case["global_seed"])
        assert case["order"] == order(case, None)


def test_a_single_permutation_or_a_function_will_do() -> None:
    case = CASES["even"]
    drawn = case["draws"][0]["permutation"]
    assert case["order"] == order(case, drawn)
    assert case["order"] == order(case, lambda count: drawn[:count])


def test_text_only_data_is_grouped_like_images_longest_first() -> None:
    case = CASES[MENDED]
    drawn = case["draws"][0]["permutation"]
    positive = case | {"lengths": [-length for length in case["lengths"]]}
    mended = order(case, drawn)
    assert order(positive, drawn) == mended
    assert case["order"] != mended
    first = [abs(case["lengths"][index]) for index in mended[:8]]
    assert max(first) in (first[0], first[4])


def test_the_length_zero_is_refused_where_its_sign_matters() -> None:
    with pytest.raises(InputError, match="length 0"):
        order(CASES["zero_length"], None)


@pytest.mark.parametrize("permutation", [[0, 1], [[0, 1, 1]], []])
def test_what_is_no_permutation_is_refused(permutation: Any) -> None:
    with pytest.raises(InputError, match="from 0 to 2"):
        length_grouped_order([3, 4, 5], 1, 1, permutation=permutation)


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        length_grouped_order([3], 0, 1)


@given(
    st.lists(st.integers(-300, 300).filter(bool), max_size=60),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(1, 3),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_every_record_is_taken_once(
    lengths: list[int], batch: int, world: int, steps: int, by_modality: bool, chance: Any
) -> None:
    def draw(count: int) -> list[int]:
        numbers: list[int] = chance.sample(range(count), count)
        return numbers

    taken = length_grouped_order(lengths, batch, world, steps, by_modality, draw)
    assert list(range(len(lengths))) == sorted(taken)


def test_lengths_of_records_are_the_original_s() -> None:
    content = golden("lengths")
    assert content["lengths"] == record_lengths(content["records"])
    assert content["modality_lengths"] == record_lengths(content["records"], by_modality=True)


@pytest.mark.parametrize("case", golden("validation_sample")["cases"])
def test_the_validation_sample_is_the_original_s(case: dict[str, Any]) -> None:
    assert case["kept"] == validation_sample(range(40), case["sample_rate"])


@pytest.mark.parametrize("share", [0.0, -0.5, 1.5, float("nan")])
def test_a_share_of_validation_records_lies_between_0_and_1(share: float) -> None:
    with pytest.raises(InputError, match="share"):
        validation_sample([1, 2], share)
