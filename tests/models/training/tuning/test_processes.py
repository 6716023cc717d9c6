"""Training in processes of its own: killed without warning, and several at once."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.models.training.tuning.toy_run import main, weights_in

PROGRAM = "tests.models.training.tuning.toy_run"
ROOT = Path(__file__).parents[4]
FOLDERS = ("alignment", "alignment/best", "findings", "findings/best")
_DEADLINE_S = 300


def launched(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Return a training in a process of its own."""
    return started([sys.executable, "-m", PROGRAM, str(folder), *arguments], **environment)


def started(command: list[str], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def launched_twice(
    folder: Path, *arguments: str, **environment: str
) -> list[subprocess.Popen[str]]:
    """Return a training in two processes, told of each other as torchrun tells them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [
        launched(folder, *arguments, **environment, **shared, RANK=rank, LOCAL_RANK=rank)
        for rank in ("0", "1")
    ]


def finished(*trainings: subprocess.Popen[str]) -> None:
    for training in trainings:
        _, errors = training.communicate(timeout=_DEADLINE_S)
        assert training.returncode == 0, errors


def killed(updates: int, after_s: float, *trainings: subprocess.Popen[str]) -> bool:
    """Kill all processes so long after some updates; return whether they were still running."""
    told = trainings[0].stdout
    assert told is not None
    for line in told:
        updates -= line.startswith(("alignment", "findings"))
        if updates <= 0:
            break
    time.sleep(after_s)
    were_running = all(training.poll() is None for training in trainings)
    for training in trainings:
        training.kill()
    for training in trainings:
        training.communicate()
    return were_running


def furthest(one: Path, other: Path, *folders: str) -> float:
    """Return the largest difference between the weights of two runs."""
    largest = 0.0
    for folder in folders:
        first, second = weights_in(one / "out" / folder), weights_in(other / "out" / folder)
        assert first
        assert first.keys() == second.keys()
        differences = [float((first[name] - second[name]).abs().max()) for name in first]
        largest = max(largest, *differences)
    return largest


@pytest.fixture(autouse=True, scope="module")
def _threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    main(folder)
    return folder


def test_a_killed_training_goes_on_to_the_same_weights(undisturbed: Path, tmp_path: Path) -> None:
    assert killed(8, 0.02, launched(tmp_path))
    finished(launched(tmp_path))
    assert furthest(undisturbed, tmp_path, *FOLDERS) == 0.0


def test_two_processes_learn_what_one_does_with_twice_the_batch(tmp_path: Path) -> None:
    finished(*launched_twice(tmp_path / "two", "2"))
    main(tmp_path / "one", 4)
    assert furthest(tmp_path / "one", tmp_path / "two", "findings", "findings/best") < 1e-5


@pytest.mark.train
@pytest.mark.parametrize("seed", range(3))
def test_a_training_killed_again_and_again_gives_the_same_weights(
    undisturbed: Path, tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    for _ in range(3):
        killed(draw.randint(1, 5), draw.random() / 2, launched(tmp_path))
    finished(launched(tmp_path))
    assert furthest(undisturbed, tmp_path, *FOLDERS) == 0.0


@pytest.mark.train
@pytest.mark.parametrize("updates", [1, 4])
def test_two_processes_that_are_killed_go_on_to_the_same_weights(
    tmp_path: Path, updates: int
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finished(*launched_twice(whole, "2"))
    assert killed(updates, 0.05, *launched_twice(broken, "2"))
    finished(*launched_twice(broken, "2"))
    assert furthest(whole, broken, "findings", "findings/best") == 0.0


@pytest.mark.train
def test_another_number_of_processes_does_not_go_on(tmp_path: Path) -> None:
    assert killed(1, 0.0, *launched_twice(tmp_path, "2"))
    _, errors = launched(tmp_path, "2").communicate(timeout=_DEADLINE_S)
    assert "the number of processes changed" in errors


@pytest.mark.train
def test_torchrun_starts_the_same_training(tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    rendezvous = ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0"]
    finished(started([*torchrun, *rendezvous, "-m", PROGRAM, str(tmp_path / "torchrun"), "2"]))
    finished(*launched_twice(tmp_path / "by_hand", "2"))
    assert furthest(tmp_path / "by_hand", tmp_path / "torchrun", "findings") == 0.0


@pytest.mark.train
def test_accelerate_starts_the_same_training(tmp_path: Path) -> None:
    # without GPUs it starts several processes by MPI only
    accelerate = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes=1"]
    settings = ["--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]
    finished(started([*accelerate, *settings, "-m", PROGRAM, str(tmp_path / "accelerate"), "4"]))
    finished(launched(tmp_path / "alone", "4"))
    assert furthest(tmp_path / "alone", tmp_path / "accelerate", "findings") == 0.0


@pytest.mark.train
@pytest.mark.parametrize("sharding", ["zero2", "zero3", "zero3_offload"])
def test_sharded_weights_are_those_of_whole_ones(tmp_path: Path, sharding: str) -> None:
    sharded, whole = tmp_path / "sharded", tmp_path / "whole"
    finished(*launched_twice(whole, "2"))
    on_cpu = {"DS_ACCELERATOR": "cpu"}
    killed(6, 0.0, *launched_twice(sharded, "2", sharding, **on_cpu))
    finished(*launched_twice(sharded, "2", sharding, **on_cpu))
    assert furthest(whole, sharded, "findings", "findings/best") < 1e-5
