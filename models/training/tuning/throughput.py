"""How fast training goes: samples and tokens per second, and how much of the device it uses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PEAKS = {
    "H200": 989.4e12,
    "H100 PCIe": 756e12,
    "H100": 989.4e12,
    "A100": 312e12,
    "A6000": 154.8e12,
    "RTX 6000 Ada": 364.2e12,
    "A40": 149.7e12,
    "L40S": 362e12,
    "L40": 181e12,
    "A10": 125e12,
    "RTX 4090": 165.2e12,
    "RTX 3090": 71e12,
}
"""Operations per second of dense bfloat16 matrix products, from the makers' data sheets.

A device has the peak of the first name that its own holds.
"""


def peak_of(device_name: str) -> float | None:
    """Return a device's peak for 16-bit numbers; None for one that is not known.

    >>> peak_of("NVIDIA A100-SXM4-80GB")
    312000000000000.0
    """
    # every word of the name counts: A100 is no A10
    words = f" {device_name.replace('-', ' ')} "
    return next((peak for name, peak in PEAKS.items() if f" {name} " in words), None)


@dataclass(frozen=True)
class Work:
    """What training a model costs: floating point operations, recomputed ones not counted.

    Parameters
    ----------
    per_sample
        Of the tower and the projector, for one pair of images.
    per_token
        Of the language model's layers, but for attention's scores and sums.
    per_square
        Of attention's scores and sums, for one record of n tokens over n².
    per_answer
        Of the output layer, which runs where something is learnt only.
    """

    per_sample: float
    per_token: float
    per_square: float
    per_answer: float

    def operations(self, amounts: Amounts) -> float:
        """Return the operations of some amounts."""
        return (
            self.per_sample * amounts.samples
            + self.per_token * amounts.tokens
            + self.per_square * amounts.squares
            + self.per_answer * amounts.answers
        )


@dataclass(frozen=True)
class Amounts:
    """What was learnt from: records, tokens read, the sum of their squares, tokens learnt."""

    samples: float = 0.0
    tokens: float = 0.0
    squares: float = 0.0
    answers: float = 0.0


class Stopwatch:
    """Seconds since it was last read, without those of its pauses."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()
        self._paused = 0.0

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leave out the time that this lasts."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self._paused += time.perf_counter() - begun

    def read(self) -> float:
        """Return the seconds, and begin anew."""
        now = time.perf_counter()
        seconds = now - self._begun - self._paused
        self._begun, self._paused = now, 0.0
        return seconds


def throughput(
    work: Work, amounts: Amounts, seconds: float, peak: float | None
) -> dict[str, float | None]:
    """Return samples and tokens per second, and the model FLOPs utilisation.

    Parameters
    ----------
    amounts
        Of all processes together.
    seconds
        That they took, above 0.
    peak
        Operations per second of all devices together; None where it is not known, and so is the
        ``mfu`` then.

    >>> work = Work(per_sample=0, per_token=6e9, per_square=0, per_answer=0)
    >>> throughput(work, Amounts(samples=4, tokens=1000), seconds=2.0, peak=6e12)
    {'samples_per_s': 2.0, 'tokens_per_s': 500.0, 'mfu': 0.5}
    """
    rates = {"samples_per_s": amounts.samples / seconds, "tokens_per_s": amounts.tokens / seconds}
    mfu = None if peak is None else round(work.operations(amounts) / (seconds * peak), 4)
    return {**{name: float(f"{rate:.4g}") for name, rate in rates.items()}, "mfu": mfu}
