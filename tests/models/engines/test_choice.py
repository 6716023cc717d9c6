"""Which engine decodes: the one asked for, or transformers' where that one cannot."""

import logging

import pytest

from models.engines.choice import Engines
from models.engines.engine import Decoding, Engine, Usage
from models.errors import InputError


class Counting(Engine):
    """An engine that remembers being closed."""

    def __init__(self, prompts: int, memory: int) -> None:
        self.usage = Usage(prompts, 2 * prompts, 3 * prompts, prompts / 2, 1)
        self.memory = memory
        self.closed = 0

    def generate(self, prompts: object, decoding: object) -> list[list[object]]:  # type: ignore[override]
        return []

    def peak_memory_bytes(self) -> int:
        return self.memory

    def close(self) -> None:
        self.closed += 1


def engines(wanted: str) -> tuple[Engines, list[str], dict[str, Counting]]:
    started: list[str] = []
    made = {"transformers": Counting(3, 100), "vllm": Counting(5, 70)}

    def start(name: str) -> Counting:
        started.append(name)
        return made[name]

    each = {
        "transformers": lambda: start("transformers"),
        "vllm": lambda: start("vllm"),
    }
    return Engines(wanted, each), started, made


def test_an_engine_starts_once_and_when_it_is_needed() -> None:
    found, started, made = engines("transformers")
    assert [] == started
    for decoding in (Decoding(), Decoding(num_beams=3), Decoding()):
        assert made["transformers"] is found.for_decoding(decoding)
    assert ["transformers"] == started


def test_beams_go_to_transformers_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found, started, made = engines("vllm")
    with caplog.at_level(logging.WARNING):
        assert made["vllm"] is found.for_decoding(Decoding())
        assert [] == caplog.messages
        for _ in range(2):
            assert made["transformers"] is found.for_decoding(Decoding(num_beams=2))
    assert ["vllm", "transformers"] == started
    assert 1 == len(caplog.messages)


def test_usage_adds_up_and_memory_is_the_most() -> None:
    found, _, _ = engines("vllm")
    assert Usage() == found.usage()
    assert 0 == found.peak_memory_bytes()
    found.for_decoding(Decoding())
    found.for_decoding(Decoding(num_beams=2))
    assert Usage(8, 16, 24, 4.0, 2) == found.usage()
    assert 100 == found.peak_memory_bytes()


def test_closing_stops_what_runs_alone() -> None:
    found, _, made = engines("vllm")
    found.for_decoding(Decoding())
    found.close()
    found.close()
    assert (0, 1) == (made["transformers"].closed, made["vllm"].closed)


def test_an_unknown_engine_is_told() -> None:
    with pytest.raises(InputError, match=r"Unknown engine 'tgi'. Known: transformers, vllm\."):
        engines("tgi")
