"""The engine asked for, and transformers' where that one cannot decode as told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.engines.engine import Decoding, Engine, Usage
from models.errors import InputError

ENGINES = ("transformers", "vllm")
_LOG = logging.getLogger(__name__)


def check_engine(name: str) -> None:
    """Raise InputError if there is no engine of this name."""
    if name not in ENGINES:
        raise InputError(f"Unknown engine {name!r}. Known: {', '.join(ENGINES)}.")


@dataclass(frozen=True)
class VllmSettings:
    """How vLLM spreads over a machine."""

    tensor_parallel: int = 1
    """GPUs that share the model."""
    gpu_memory_utilization: float = 0.85
    """Its share of each one's memory."""
    max_model_len: int | None = None
    """Most tokens of a prompt and its answer together; None: what the model allows."""


class Engines:
    """Engines of one language model, each started when it is first needed.

    Parameters
    ----------
    wanted
        One of ``ENGINES``.
    start
        How each is started.
    """

    def __init__(self, wanted: str, start: Mapping[str, Callable[[], Engine]]) -> None:
        check_engine(wanted)
        self._wanted = wanted
        self._start = start
        self._running: dict[str, Engine] = {}

    def for_decoding(self, decoding: Decoding) -> Engine:
        """Return the engine that decodes with these settings; what is decided for the user is said.

        Beam search goes to transformers, since vLLM has none for prompt embeddings.
        """
        name = self._wanted
        if name == "vllm":
            from models.engines.vllm_engine import why_not

            reason = why_not(decoding)
            if reason is not None:
                name = "transformers"
                if name not in self._running:
                    _LOG.warning("%s.", reason)
        if name not in self._running:
            self._running[name] = self._start[name]()
        return self._running[name]

    def usage(self) -> Usage:
        """Return what all engines have done together."""
        parts = [engine.usage for engine in self._running.values()]
        return Usage(
            prompts=sum(part.prompts for part in parts),
            tokens=sum(part.tokens for part in parts),
            prompt_tokens=sum(part.prompt_tokens for part in parts),
            seconds=sum(part.seconds for part in parts),
            halvings=sum(part.halvings for part in parts),
        )

    def peak_memory_bytes(self) -> int:
        """Return the most memory that an engine has held, in bytes."""
        return max((engine.peak_memory_bytes() for engine in self._running.values()), default=0)

    def close(self) -> None:
        """Stop all engines and give their memory back."""
        for engine in self._running.values():
            engine.close()
        self._running.clear()
