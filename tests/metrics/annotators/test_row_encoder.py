import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor
from transformers import BertConfig, BertModel

from metrics.annotators import row_encoder
from metrics.annotators.row_encoder import RowEncoder, one_thread, parallel
from metrics.errors import InputError

CONFIG = {
    "vocab_size": 50,
    "hidden_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 208,
    "max_position_embeddings": 128,
}
ROWS = [[random.Random(n).randrange(50) for _ in range(n)] for n in (1, 2, 5, 17, 40, 128, 64, 3)]


def bert() -> BertModel:
    torch.manual_seed(0)
    return BertModel(BertConfig(**CONFIG)).eval()


def one_at_a_time() -> list[Tensor]:
    encoder = bert()
    with torch.inference_mode():
        return [encoder(torch.tensor([row])).last_hidden_state[0] for row in ROWS]


@contextmanager
def as_many_threads(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def same(left: list[Tensor], right: list[Tensor]) -> bool:
    return all(map(torch.equal, left, right))


def test_packed_rows_get_transformers_own_vectors() -> None:
    for expected, found in zip(one_at_a_time(), RowEncoder(bert(), 0, "cpu")(ROWS), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=5e-5)


@pytest.mark.parametrize("tokens", [1, 64, 300, 1024])
@pytest.mark.parametrize("threads", [1, 2])
def test_neighbours_do_not_move_a_digit(
    monkeypatch: pytest.MonkeyPatch, tokens: int, threads: int
) -> None:
    encoder = RowEncoder(bert(), 0, "cpu")
    alone = [encoder([row])[0] for row in ROWS]
    monkeypatch.setattr(row_encoder, "_TOKENS", tokens)
    with as_many_threads(threads):
        assert same(alone, encoder(ROWS))
        assert same(alone[::-1], encoder(ROWS[::-1]))


def test_rows_go_one_at_a_time_where_products_are_not_steady(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(row_encoder, "_steady", lambda encoder: False)
    encoder = RowEncoder(bert(), 0, "cpu")
    assert same([encoder([row])[0] for row in ROWS], encoder(ROWS))
    for expected, found in zip(one_at_a_time(), encoder(ROWS), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=5e-5)


def test_no_rows_are_no_vectors() -> None:
    assert [] == RowEncoder(bert(), 0, "cpu")([])


def test_a_row_beyond_the_positions_is_refused() -> None:
    with pytest.raises(InputError, match="129 word pieces, and the encoder takes 128"):
        RowEncoder(bert(), 0, "cpu")([[1] * 129])


def test_threads_are_given_back_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), one_thread():
        _ = 1 / 0
    assert before == torch.get_num_threads()


@pytest.mark.parametrize("threads", [1, 3])
def test_parallel_keeps_the_order_and_one_thread_each(threads: int) -> None:
    with as_many_threads(threads):
        found = parallel(lambda n: (n, torch.get_num_threads()), list(range(20)))
        assert threads == torch.get_num_threads()
    assert [(n, 1) for n in range(20)] == found
