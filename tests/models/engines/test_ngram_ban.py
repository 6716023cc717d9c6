import torch
from hypothesis import given
from hypothesis import strategies as st

from models.engines.ngram_ban import NgramBan
from models.engines.ngrams import ban_repeated_ngrams

VOCABULARY = 4
ids = st.lists(st.integers(0, VOCABULARY - 1), max_size=12)


@given(ids, ids, ids, st.integers(1, 4))
def test_the_ban_follows_a_growing_sequence_as_the_whole_one_is_read(
    before: list[int], after: list[int], new: list[int], size: int
) -> None:
    prompt = [*before, -200, *after]
    ban = NgramBan(size, prompt)
    logits = torch.arange(VOCABULARY, dtype=torch.float32)
    for length in range(len(new) + 1):
        seen = torch.tensor(prompt + new[:length])
        expected = ban_repeated_ngrams(logits, seen, size)
        assert torch.equal(expected, ban(new[:length], logits))


def test_the_logits_given_stay_as_they_are() -> None:
    logits = torch.zeros(3)
    assert -torch.inf == NgramBan(1, [1])([], logits)[1]
    assert torch.equal(torch.zeros(3), logits)
