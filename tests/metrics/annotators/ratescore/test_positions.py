from pathlib import Path
from typing import Any

import torch

from metrics.annotators.ratescore import EntityRecognizer
from metrics.annotators.ratescore.positions import RememberedPositions, remember_positions

GOLDEN = Path(__file__).parents[3] / "golden" / "ratescore"


class Counted(torch.nn.Linear):
    """A linear layer that counts its calls."""

    def __init__(self) -> None:
        super().__init__(4, 3)
        self.calls = 0

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().forward(states)


def test_equal_positions_are_multiplied_once_and_others_anew() -> None:
    layer = Counted()
    remembered = RememberedPositions(layer, 6)
    first, second = torch.randn(1, 6, 4), torch.randn(1, 6, 4)
    assert torch.equal(layer(first), remembered(first))
    assert torch.equal(remembered(first), remembered(first.clone()))
    assert 2 == layer.calls
    assert torch.equal(layer(second), remembered(second))
    assert torch.equal(layer(first), remembered(first))
    assert 6 == layer.calls


def test_states_of_another_number_are_not_remembered() -> None:
    layer = Counted()
    remembered = RememberedPositions(layer, 6)
    for shape in ((1, 5, 4), (2, 6, 4), (1, 5, 4)):
        assert (*shape[:2], 3) == remembered(torch.randn(shape)).shape
    assert 3 == layer.calls


def test_the_recognizers_layers_remember_and_give_the_same_bytes() -> None:
    model: Any = EntityRecognizer.load(GOLDEN / "Angelakeke" / "RaTE-NER-Deberta")._model
    found = [module for module in model.modules() if isinstance(module, RememberedPositions)]
    assert 2 * model.config.num_hidden_layers == len(found)
    # as many tokens as positions, too
    for tokens in (3, 64, 7, 64):
        ids = torch.arange(5, 5 + tokens)[None]
        with torch.inference_mode():
            with_memory = model(input_ids=ids).logits
            expected = without_memory(model, ids)
        assert torch.equal(expected, with_memory)


def without_memory(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """Return the logits with the layers' own products, and put the memory back."""
    bare = [
        (module, name, layer)
        for module in model.modules()
        for name, layer in module.named_children()
        if isinstance(layer, RememberedPositions)
    ]
    for module, name, layer in bare:
        setattr(module, name, layer._layer)
    logits: torch.Tensor = model(input_ids=ids).logits
    for module, name, layer in bare:
        setattr(module, name, layer)
    return logits


def test_an_encoder_without_relative_positions_is_left_alone() -> None:
    from transformers import BertConfig, BertModel

    model = BertModel(
        BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=5)
    )
    kinds = [type(module) for module in model.modules()]
    remember_positions(model)
    assert kinds == [type(module) for module in model.modules()]
