"""A process whose peer ended says so, and calls nothing a defect."""

from __future__ import annotations

import pytest
from torch import distributed

from models.errors import InputError, MissingError
from models.training.tuning.peers import explained_peers

LOST = RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:1")


@pytest.mark.parametrize("error", [LOST, distributed.DistNetworkError("reset")])
def test_a_lost_peer_is_told_as_such(error: Exception) -> None:
    told = "Process 1 of 2 ends because another one ended"
    with pytest.raises(InputError, match=told), explained_peers(1, 2):
        raise error


@pytest.mark.parametrize(
    ("error", "count"),
    [(LOST, 1), (RuntimeError("shapes differ"), 2), (MissingError("no NCCL"), 2)],
)
def test_all_else_passes_as_it_is(error: Exception, count: int) -> None:
    with pytest.raises(type(error)) as raised, explained_peers(0, count):
        raise error
    assert error is raised.value
