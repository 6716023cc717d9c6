"""Which parameters decay, and at which rate each learns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from models.errors import InputError

_PROJECTOR = "mm_projector"


def parameter_groups(
    named_parameters: Iterable[tuple[str, Any]],
    weight_decay: float,
    learning_rate: float,
    projector_learning_rate: float | None = None,
) -> list[dict[str, Any]]:
    """Return the groups of trainable parameters as torch's optimisers take them.

    As the original's (X-iZhang/Libra @0d6c56a, ``create_optimizer``): decayed and undecayed ones,
    then the same two of the projector where it has a rate of its own. Empty groups stay, so that
    a saved optimiser's state fits. Nothing with "bias" in its name decays (so neither do
    ``LFE_prior_bias``, ``bias_k`` and ``bias_v``), nor does any norm's weight; the original knows
    the norms of Llama only.

    Parameters
    ----------
    named_parameters
        As ``module.named_parameters()`` gives them; frozen ones are left out.
    weight_decay
        Decay of the first group, and of the projector's first.
    learning_rate
        Rate of all but the projector, and of the projector too if it has none of its own.
    projector_learning_rate
        Rate of the parameters with ``mm_projector`` in their names.

    Raises
    ------
    InputError
        If a number is negative, or nothing is trainable.
    """
    for name, number in (
        ("weight_decay", weight_decay),
        ("learning_rate", learning_rate),
        ("projector_learning_rate", projector_learning_rate),
    ):
        if number is not None and not number >= 0:
            raise InputError(f"{name} must be 0 or more, not {number}.")
    trainable = [(name, one) for name, one in named_parameters if one.requires_grad]
    if not trainable:
        raise InputError("No parameter is trainable. Unfreeze the projector or the language model.")
    rates = {False: learning_rate}
    if projector_learning_rate is not None:
        rates[True] = projector_learning_rate
    groups: list[dict[str, Any]] = []
    for of_projector, rate in rates.items():
        for decays in (True, False):
            chosen = [
                one
                for name, one in trainable
                if decays == _decays(name, one)
                and (len(rates) == 1 or of_projector == (_PROJECTOR in name))
            ]
            decay = weight_decay if decays else 0.0
            groups.append({"params": chosen, "weight_decay": decay, "lr": rate})
    return groups


def _decays(name: str, parameter: Any) -> bool:
    # ZeRO stage 3 leaves an empty tensor in place and keeps the shape beside it
    shape = getattr(parameter, "ds_shape", parameter.shape)
    is_norm = name.endswith(".weight") and len(shape) == 1
    return not is_norm and "bias" not in name
