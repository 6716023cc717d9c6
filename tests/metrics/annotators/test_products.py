import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from metrics.annotators import products
from metrics.annotators.products import BFloat16Linear, Int8Linear, lower
from metrics.errors import InputError

SIZES = st.integers(1, 70)


def layer(inputs: int, outputs: int, bias: bool = True) -> nn.Linear:
    return nn.Linear(inputs, outputs, bias=bias).requires_grad_(False)


def draw(rows: int, inputs: int, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(rows, inputs, generator=torch.Generator().manual_seed(rows))


@given(SIZES, SIZES, SIZES, st.booleans(), st.sampled_from([1e-20, 1.0, 1e6]))
@settings(max_examples=40, deadline=None)
def test_int8_is_off_by_no_more_than_half_a_step_on_both_sides(
    rows: int, inputs: int, outputs: int, bias: bool, scale: float
) -> None:
    exact, states = layer(inputs, outputs, bias), draw(rows, inputs, scale)
    own = states.abs().amax(1, keepdim=True) / 127
    theirs = exact.weight.abs().amax(1) / 127
    weight = exact.weight.abs().sum(1)
    allowed = own / 2 * weight + theirs / 2 * states.abs().sum(1, keepdim=True)
    allowed += inputs * own * theirs / 4
    difference = (Int8Linear(exact)(states) - exact(states)).abs()
    assert (difference <= 1.001 * allowed + 1e-5).all()


@given(SIZES, SIZES, SIZES, st.booleans())
@settings(max_examples=40, deadline=None)
def test_bfloat16_is_off_by_its_rounding(rows: int, inputs: int, outputs: int, bias: bool) -> None:
    exact, states = layer(inputs, outputs, bias), draw(rows, inputs)
    size = states.abs() @ exact.weight.abs().T + (0 if exact.bias is None else exact.bias.abs())
    difference = (BFloat16Linear(exact)(states) - exact(states)).abs()
    assert (difference <= 4 * 2.0**-8 * size).all()


def test_whole_numbers_lose_nothing_in_int8() -> None:
    exact = layer(3, 2)
    exact.weight.copy_(torch.tensor([[127.0, -3.0, 0.0], [1.0, 127.0, -127.0]]))
    exact.bias.copy_(torch.tensor([0.5, -4.0]))
    states = torch.tensor([[[127.0, 5.0, -127.0], [0.0, 0.0, 0.0]]])
    expected = torch.tensor([[[127.0 * 127 - 15 + 0.5, 127.0 + 635 + 127**2 - 4], [0.5, -4.0]]])
    assert torch.equal(expected, Int8Linear(exact)(states))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
@settings(max_examples=20, deadline=None)
def test_a_rows_neighbours_do_not_move_a_digit_in_int8(chosen: list[int]) -> None:
    lowered, states = Int8Linear(layer(100, 37)), draw(41, 100)
    assert torch.equal(lowered(states)[chosen], lowered(states[chosen]))


@pytest.mark.parametrize(("inputs", "outputs"), [(768, 768), (768, 3072), (3072, 768)])
def test_from_16_rows_on_neighbours_do_not_move_a_digit_in_bfloat16(
    inputs: int, outputs: int
) -> None:
    lowered, states = BFloat16Linear(layer(inputs, outputs)), draw(400, inputs)
    found = lowered(states)
    for start, stop in ((0, 16), (3, 20), (100, 131), (7, 136), (90, 390), (1, 400)):
        assert torch.equal(found[start:stop], lowered(states[start:stop]))
    turned = torch.arange(399, -1, -1)
    assert torch.equal(found[turned], lowered(states[turned]))


@pytest.mark.parametrize(
    ("precision", "kind"), [("bfloat16", BFloat16Linear), ("int8", Int8Linear)]
)
def test_every_linear_layer_is_lowered_and_nothing_else(precision: str, kind: type) -> None:
    model = nn.Sequential(
        nn.Embedding(5, 8), nn.Sequential(layer(8, 4), nn.GELU()), nn.LayerNorm(4)
    )
    lower(model, precision, "cpu")
    found = [type(module) for module in model.modules()]
    expected = [nn.Sequential, nn.Embedding, nn.Sequential, kind, nn.GELU, nn.LayerNorm]
    assert expected == found
    assert torch.float32 == model(torch.tensor([[1, 2]])).dtype


def test_float32_changes_nothing() -> None:
    model = nn.Sequential(layer(8, 4))
    lower(model, "float32", "cuda")
    assert type(model[0]) is nn.Linear


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
def test_int8_away_from_a_cpu_is_refused(device: str) -> None:
    with pytest.raises(InputError, match=f"CPU only, and the device is '{device}'"):
        lower(nn.Sequential(layer(8, 4)), "int8", device)


def test_int8_is_refused_where_sums_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert products._sums_are_exact()
    monkeypatch.setattr(products, "_sums_are_exact", lambda: False)
    with pytest.raises(InputError, match=r"overflow\. Write bfloat16 or float32"):
        lower(nn.Sequential(layer(8, 4)), "int8", "cpu")
