"""The loss of a batch against transformers' own, computed naively on every position."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.errors import InputError
from models.training.optimiser_groups import parameter_groups
from models.training.tuning.learner import Learner
from tests.models.training.tuning.start_points import (
    FAMILIES,
    batch,
    new_projector,
    recipe,
    started,
)

WHOLE = {"trains": ["projector", "language_model"]}


def whole(folder: Path, family: str, projector: str = "TAC") -> Learner:
    return started(recipe(new_projector(folder, family, projector), WHOLE)).learner.eval()


def naive(learner: Learner, given: dict[str, Tensor], by_hand: bool = False) -> Tensor:
    """Return the loss as transformers computes it of the batch's rows, each alone and unpadded.

    ``by_hand``: in the dtype of the weights.
    """
    table = learner.language_model.get_input_embeddings()
    scale = float(getattr(table, "scalar_embed_scale", 1.0))
    total, count = torch.zeros(()), 0
    for row, ids in enumerate(given["input_ids"]):
        kept = given["attention_mask"][row]
        ids, labels = ids[kept], given["labels"][row][kept]
        embedded = table(ids.clamp(min=0))
        if -200 in ids:
            place = ids.tolist().index(-200)
            current, prior = (
                learner.vision_tower(given["images"][side, row : row + 1]) for side in (0, 1)
            )
            image = learner.mm_projector(current, prior)[0] * scale
            embedded = torch.cat([embedded[:place], image, embedded[place + 1 :]])
            nothing = torch.full((len(image),), -100)
            labels = torch.cat([labels[:place], nothing, labels[place + 1 :]])
        made = learner.language_model(inputs_embeds=embedded[None], labels=labels[None])
        learnt = int((labels[1:] != -100).sum())
        mean = cross_entropy(made.logits[0, :-1], labels[1:]) if by_hand else made.loss
        total, count = total + mean * learnt, count + learnt
    return total / count


def gradients(learner: Learner, loss: Tensor) -> dict[str, Tensor]:
    learner.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in learner.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("projector", ["TAC", "mlp2x_gelu"])
@pytest.mark.parametrize("family", FAMILIES)
def test_loss_and_gradients_equal_transformers_own(
    family: str, projector: str, tmp_path: Path
) -> None:
    learner = whole(tmp_path, family, projector)
    given = batch(learner)
    expected, made = naive(learner, given), learner(**given)
    assert 12 == int(made["tokens"])
    torch.testing.assert_close(made["loss"], expected, rtol=1e-6, atol=0)
    # the loss of transformers is float32 whatever the weights are, so gradients need one by hand
    learner.double()
    expected = naive(learner, given, by_hand=True)
    wanted, found = gradients(learner, expected), gradients(learner, learner(**given)["loss"])
    assert wanted.keys() == found.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(
            found[name], gradient, rtol=1e-5, atol=2e-7, msg=lambda text, n=name: f"{n}: {text}"
        )


@pytest.fixture(scope="module")
def learner(tmp_path_factory: pytest.TempPathFactory) -> Learner:
    """A learner whose tests leave it as it is."""
    return whole(tmp_path_factory.mktemp("llama"), "libra")


def test_the_head_computes_learnt_positions_only(learner: Learner) -> None:
    seen: list[tuple[int, ...]] = []
    head = learner.language_model.get_output_embeddings()
    hook = head.register_forward_hook(lambda _, inputs, __: seen.append(tuple(inputs[0].shape)))
    learner(**batch(learner))
    hook.remove()
    assert [(12, 48)] == seen


def test_padding_changes_nothing_on_either_side(learner: Learner) -> None:
    usual = batch(learner)
    expected = learner(**usual)["loss"]
    for side in ("left", "right"):
        padded = dict(usual)
        for name, value in (("input_ids", 2), ("labels", -100), ("attention_mask", 0)):
            rows = []
            for row, mask in zip(usual[name], usual["attention_mask"], strict=True):
                nothing = torch.full((20 - int(mask.sum()),), value, dtype=row.dtype)
                rows.append(
                    torch.cat([nothing, row[mask]] if side == "left" else [row[mask], nothing])
                )
            padded[name] = torch.stack(rows)
        torch.testing.assert_close(learner(**padded)["loss"], expected, rtol=1e-6, atol=0)


def test_features_stand_for_the_images_they_were_made_from(learner: Learner) -> None:
    given = batch(learner)
    images = given.pop("images")
    features = torch.stack([learner.vision_tower(side) for side in images])
    expected = learner(**given, images=images)["loss"]
    torch.testing.assert_close(
        learner(**given, features=features)["loss"], expected, rtol=1e-6, atol=0
    )


def test_each_different_image_passes_the_tower_once(learner: Learner) -> None:
    seen: list[int] = []
    encoder = learner.vision_tower.encoder
    hook = encoder.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    learner(**batch(learner))  # two rows with an image, one of them with a prior of its own
    hook.remove()
    assert [3] == seen


def test_accumulated_batches_give_the_mean_over_all_their_tokens(learner: Learner) -> None:
    given = batch(learner)
    expected = gradients(learner, learner(**given)["loss"])
    learner.zero_grad()
    for rows in (slice(0, 1), slice(1, 3)):
        part = {
            name: one[:, rows] if name == "images" else one[rows] for name, one in given.items()
        }
        learner(**part, num_items_in_batch=12)["loss"].backward()
    for name, parameter in learner.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-4, atol=1e-6)


def test_a_batch_of_text_alone_leaves_the_projector_a_gradient_of_nothing(
    learner: Learner,
) -> None:
    """Other processes wait for one."""
    given = {name: one[2:] for name, one in batch(learner).items() if name != "images"}
    expected = naive(learner, given)
    loss = learner(**given)["loss"]
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)
    found = gradients(learner, loss)
    projector = [one for name, one in found.items() if "mm_projector" in name]
    assert len(list(learner.mm_projector.parameters())) == len(projector)
    assert not any(bool(one.any()) for one in projector)


def test_a_batch_without_labels_has_a_loss_of_nothing(learner: Learner) -> None:
    given = batch(learner)
    made = learner(**{**given, "labels": torch.full_like(given["labels"], -100)})
    assert 0 == int(made["tokens"]) == made["loss"].item()
    assert not any(bool(one.any()) for one in gradients(learner, made["loss"]).values())


def test_the_tower_is_frozen_in_evaluation_and_nothing_of_what_is_saved(learner: Learner) -> None:
    learner.train()
    tower = learner.vision_tower
    assert not any(module.training for module in tower.modules())
    assert not any(one.requires_grad for one in tower.parameters())
    given = batch(learner)
    assert not tower(given["images"][0]).requires_grad
    learner(**given)["loss"].backward()
    assert all(one.grad is None for one in tower.parameters())
    assert not any("vision_tower" in name for name in learner.state_dict())
    learner.zero_grad()
    learner.eval()


def test_the_tower_moves_with_the_learner(tmp_path: Path) -> None:
    moved = whole(tmp_path, "libra").to(torch.float64)
    assert {torch.float64} == {one.dtype for one in moved.vision_tower.parameters()}


def test_learning_rate_groups_find_the_projector_by_its_name(learner: Learner) -> None:
    groups = parameter_groups(learner.named_parameters(), 0.1, 1e-3, 1e-4)
    sizes = [len(group["params"]) for group in groups]
    projector = len(list(learner.mm_projector.parameters()))
    assert projector == sum(sizes[2:])
    assert len(list(learner.parameters())) == sum(sizes)


def test_rows_that_cannot_be_spliced_are_refused(learner: Learner) -> None:
    given = batch(learner)
    images = given.pop("images")
    with pytest.raises(InputError, match="neither images nor features"):
        learner(**given)
    given["input_ids"][0, 3] = -200
    with pytest.raises(InputError, match="A row has 2 image tokens"):
        learner(**given, images=images)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 4))
def test_any_batch_has_the_loss_of_its_rows_alone(learner: Learner, seed: int, rows: int) -> None:
    given = batch(learner, seed, rows)
    with torch.no_grad():
        torch.testing.assert_close(
            learner(**given)["loss"], naive(learner, given), rtol=1e-6, atol=0
        )
