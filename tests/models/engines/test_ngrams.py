import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import NoRepeatNGramLogitsProcessor

from models.engines.ngrams import PADDING, ban_repeated_ngrams

VOCABULARY = 4


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(0, VOCABULARY - 1), max_size=12), min_size=1, max_size=4),
    size=st.integers(1, 4),
)
def test_rows_of_any_length_are_banned_as_transformers_bans_each_alone(
    rows: list[list[int]], size: int
) -> None:
    width = max(len(row) for row in rows)
    padded = torch.tensor([[PADDING] * (width - len(row)) + row for row in rows])
    padded = padded.long().view(len(rows), width)
    scores = torch.arange(float(len(rows) * VOCABULARY)).view(len(rows), VOCABULARY)
    found = ban_repeated_ngrams(scores, padded, size)
    for row, before, after in zip(rows, scores, found, strict=True):
        expected = before[None]
        if row:
            ids = torch.tensor([row])
            expected = NoRepeatNGramLogitsProcessor(size)(ids, before[None].clone())
        assert expected[0].tolist() == after.tolist()


def test_the_image_takes_part_in_ngrams_and_is_never_banned_itself() -> None:
    scores = torch.zeros(300)
    before_image = torch.tensor([7, 8, -200, 9, 7, 8])
    assert not ban_repeated_ngrams(scores, before_image, 3).isneginf().any()
    after_image = torch.tensor([8, -200, 9, 8, -200])
    assert [9] == ban_repeated_ngrams(
        scores, after_image, 3
    ).isneginf().nonzero().flatten().tolist()


def test_ids_beyond_the_vocabulary_are_ignored() -> None:
    banned = ban_repeated_ngrams(torch.zeros(3), torch.tensor([1, 7, 1]), 2)
    assert not banned.isneginf().any()


@pytest.mark.parametrize("shape", [(2, 3)])
def test_leading_dimensions_are_kept_and_scores_not_changed(shape: tuple[int, int]) -> None:
    scores = torch.zeros(*shape, VOCABULARY)
    ids = torch.tensor([1, 2, 1]).expand(*shape, -1)
    found = ban_repeated_ngrams(scores, ids, 2)
    assert (*shape, VOCABULARY) == found.shape
    assert bool(found[..., 2].isneginf().all())
    assert not scores.isneginf().any()
