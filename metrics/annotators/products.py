"""Linear layers that multiply in bfloat16 or int8; what is between them stays float32."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from metrics.errors import InputError
from metrics.precision import FLOAT32, check_precision

_BLOCK = 128
_FEW = 16
_LARGEST = 127
_TINIEST = 1e-30
"""A row's least step, so that a row of zeros stays one."""


class BFloat16Linear(nn.Module):
    """A linear layer whose operands and result are rounded to bfloat16; float32 in and out.

    How a CPU adds a row up hangs on the number of rows. It multiplies blocks of one size, the last
    one filled with zeros, so that a row's result does not hang on the rows beside it; only fewer
    than 16 rows, which are one text's own, are taken as they are.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, exact: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = exact.in_features, exact.out_features
        self.register_buffer("weight", exact.weight.bfloat16())
        self.register_buffer("bias", None if exact.bias is None else exact.bias.bfloat16())

    def forward(self, states: Tensor) -> Tensor:
        """Return the product for each row."""
        rows = states.reshape(-1, self.in_features).bfloat16()
        count = len(rows)
        if rows.is_cpu and count >= _FEW:
            blocks = torch.split(pad(rows, (0, 0, 0, -count % _BLOCK)), _BLOCK)
            found = torch.cat([linear(block, self.weight, self.bias) for block in blocks])[:count]
        else:
            found = linear(rows, self.weight, self.bias)
        return found.float().reshape(*states.shape[:-1], self.out_features)


class Int8Linear(nn.Module):
    """A linear layer in whole numbers from -127 to 127, with a step for each row on both sides.

    The weights' steps are fixed, those of the states are found anew in each call. A row's sums
    are exact, so that they cannot depend on the rows beside it.
    """

    weight: Tensor
    steps: Tensor
    bias: Tensor | None

    def __init__(self, exact: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = exact.in_features, exact.out_features
        weight, steps = _rounded(exact.weight)
        self.register_buffer("weight", weight.T.clone(memory_format=torch.contiguous_format))
        self.register_buffer("steps", steps.T)
        self.register_buffer("bias", exact.bias)

    def forward(self, states: Tensor) -> Tensor:
        """Return the product for each row."""
        rows, steps = _rounded(states.reshape(-1, self.in_features))
        found = torch._int_mm(rows, self.weight).float().mul_(steps).mul_(self.steps)
        if self.bias is not None:
            found += self.bias
        return found.reshape(*states.shape[:-1], self.out_features)


_LAYERS = {"bfloat16": BFloat16Linear, "int8": Int8Linear}
PRODUCTS = (nn.Linear, *_LAYERS.values())
"""Every kind of linear layer that an encoder may have."""


def lower(encoder: nn.Module, precision: str, device: str) -> None:
    """Have an encoder's linear layers multiply in this precision; float32 changes nothing.

    Embeddings, layer norms, attention and the sums that run through the layers stay float32. On a
    CPU the texts of a batch do not move each other's results, as in float32; on other devices
    bfloat16 rounds with the batch's shape, and other texts beside it may turn a close decision.

    Raises
    ------
    InputError
        If the precision is unknown, or this machine does not have it.
    """
    check_precision(precision, device)
    if precision == FLOAT32:
        return
    if precision == "int8" and not _sums_are_exact():
        raise InputError(
            "precision is 'int8', and this processor's products of whole numbers overflow. Write "
            "bfloat16 or float32."
        )
    kind = _LAYERS[precision]
    for module in list(encoder.modules()):
        for name, layer in module.named_children():
            if isinstance(layer, nn.Linear):
                setattr(module, name, kind(layer))


def _rounded(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return each row in whole numbers, int8, and its step, float32 of shape (rows, 1)."""
    steps = (rows.abs().amax(dim=1, keepdim=True) / _LARGEST).clamp_min(_TINIEST)
    return (rows / steps).round().to(torch.int8), steps


@cache
def _sums_are_exact() -> bool:
    """Whether products of int8 do not overflow on their way, as they may on old processors."""
    rows = torch.full((16, 256), _LARGEST, dtype=torch.int8)
    expected = torch.full((16, 16), 256 * _LARGEST**2, dtype=torch.int32)
    return torch.equal(torch._int_mm(rows, rows.T.contiguous()), expected)
