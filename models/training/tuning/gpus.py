"""What the GPUs that plans speak of can do, from NVIDIA's data sheets."""

from __future__ import annotations

from dataclasses import dataclass

from models.training.tuning.recipe import Device, Precision
from models.training.tuning.throughput import PEAKS

USABLE = 0.9
"""The share of a GPU's memory that a plan fills; kernels, buffers and gaps take the rest."""


@dataclass(frozen=True)
class Gpu:
    """A GPU: its memory, and operations per second of dense matrix products by precision."""

    memory_bytes: int
    peak_16bit: float
    peak_32bit: float

    def peak(self, precision: Precision) -> float:
        """Return the operations per second; float32 runs outside of the tensor cores."""
        return self.peak_32bit if precision == "fp32" else self.peak_16bit

    def fits(self, needed_bytes: float) -> bool:
        """Return whether so much leaves room for what a plan does not count."""
        return needed_bytes <= USABLE * self.memory_bytes


GPUS: dict[Device, Gpu] = {
    "A6000": Gpu(48 * 2**30, PEAKS["A6000"], 38.7e12),
    "A100": Gpu(80 * 2**30, PEAKS["A100"], 19.5e12),
    "H100": Gpu(80 * 2**30, PEAKS["H100"], 66.9e12),
    "H200": Gpu(141 * 10**9, PEAKS["H200"], 66.9e12),
}
"""RTX A6000, A100 80 GB, H100 SXM and H200 SXM."""
