"""States of a stage: whole, or not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from models.errors import InputError
from models.training.tuning.states import States, load_trained, save_trained, step_of


def kept(states: States, step: int) -> None:
    states.begin()
    draft = states.draft / f"checkpoint-{step}"
    draft.mkdir()
    (draft / "some.txt").write_text(str(step))
    states.keep(draft, step)


def test_without_a_state_there_is_no_last_one(tmp_path: Path) -> None:
    assert States(tmp_path / "states").last() is None


def test_a_new_state_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    states = States(tmp_path / "states")
    kept(states, 9)
    kept(states, 10)
    last = states.last()
    assert last is not None
    assert step_of(last) == 10
    assert ["step-10"] == [one.name for one in states.folder.iterdir()]


def test_a_draft_that_is_not_kept_leaves_the_state_before(tmp_path: Path) -> None:
    states = States(tmp_path / "states")
    kept(states, 4)
    states.begin()
    (states.draft / "half").write_text("half")
    assert states.last() == states.folder / "step-4"
    states.discard()
    assert not states.draft.exists()


def test_states_of_two_steps_go_on_from_the_later_one(tmp_path: Path) -> None:
    # a process that was killed between keeping one and removing the other
    for step in (9, 10):
        (tmp_path / f"step-{step}").mkdir()
    assert States(tmp_path).last() == tmp_path / "step-10"


def test_only_what_is_trained_is_saved_and_taken_over(tmp_path: Path) -> None:
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    for one in (first, second):
        one.bias.requires_grad_(False)
    before = second.bias.clone()
    save_trained(first, tmp_path)
    load_trained(second, tmp_path)
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(before, second.bias)


def test_a_state_of_other_weights_is_refused(tmp_path: Path) -> None:
    save_trained(nn.Linear(3, 2), tmp_path)
    with pytest.raises(InputError, match="other weights than this stage trains"):
        load_trained(nn.Linear(3, 2, bias=False), tmp_path)
