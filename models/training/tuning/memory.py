"""What a stage needs of each device's memory, under each way of sharding it.

Model states are those of Rajbhandari et al. 2020 (ZeRO, arXiv:1910.02054, sections 3.1 and 5): for
a trained number its value, its gradient, and 12 bytes for the optimiser (a float32 copy and Adam's
two moments), of which stage 2 of ZeRO shards the last two, and stage 3 all, among the devices.
Frozen numbers have a value alone. What they leave out: here trained numbers without ZeRO are
float32 with a 16-bit copy while a step runs (autocast), the frozen projector is float32 then, and
the frozen tower is whole on every device always.

Left out are the kernels' working memory, the CUDA context, and gaps between allocations: a device
fits if a tenth of it stays free (`gpus.USABLE`).
"""

from __future__ import annotations

from dataclasses import dataclass

from models.training.tuning.gpus import GPUS
from models.training.tuning.recipe import Precision, Sharding
from models.training.tuning.zero import zero_settings

_OPTIMISER = 12
_FLOAT = 4
_SHARDINGS: tuple[Sharding, ...] = ("none", "zero2", "zero3", "zero3_offload")
_DEVICES = (1, 8)


@dataclass(frozen=True)
class States:
    """How many numbers of a model are trained, and how many frozen ones each part has."""

    trained: int
    frozen_language: int
    frozen_projector: int
    tower: int

    @property
    def sharded(self) -> int:
        """How many numbers the third stage of ZeRO shards."""
        return self.trained + self.frozen_language + self.frozen_projector


@dataclass(frozen=True)
class DeviceMemory:
    """Bytes of each of so many devices, and of the host for each of them.

    ``fits`` names the GPUs whose memory is enough.
    """

    sharding: Sharding
    devices: int
    weights: int
    gradients: int
    optimiser: int
    activations: int
    host: int
    total: int
    fits: tuple[str, ...]


def memory_table(states: States, activations: int, precision: Precision) -> list[DeviceMemory]:
    """Return the memory of one and of eight devices under each way of sharding.

    Parameters
    ----------
    states
        The model in numbers.
    activations
        Bytes that one device's batch keeps for the backward pass.
    precision
        Of the stage.
    """
    return [
        _memory(sharding, devices, states, activations, precision)
        for devices in _DEVICES
        for sharding in _SHARDINGS
    ]


def _memory(
    sharding: Sharding, devices: int, states: States, activations: int, precision: Precision
) -> DeviceMemory:
    size = _FLOAT if precision == "fp32" else 2
    optimiser = _OPTIMISER * states.trained
    host = 0
    if sharding == "none":
        weights, gradients, optimiser = _unsharded(states, size, devices)
    elif sharding == "zero2":
        weights = size * (states.sharded + states.tower)
        gradients, optimiser = size * states.trained // devices, optimiser // devices
    else:
        live = _live(states) if devices > 1 or sharding == "zero3_offload" else 0
        own = size * states.sharded // devices
        weights = size * (states.tower + live) + own
        gradients, optimiser = size * states.trained // devices, optimiser // devices
        if sharding == "zero3_offload":
            # gradients are summed up in float32 where the optimiser runs
            host = own + optimiser + _FLOAT * states.trained // devices
            weights, gradients, optimiser = weights - own, 0, 0
    total = weights + gradients + optimiser + activations
    fits = tuple(name for name, gpu in GPUS.items() if gpu.fits(total))
    return DeviceMemory(
        sharding, devices, weights, gradients, optimiser, activations, host, total, fits
    )


def _unsharded(states: States, size: int, devices: int) -> tuple[int, int, int]:
    """Return the bytes of weights, gradients and optimiser where every device has all of them."""
    copy = size if size < _FLOAT else 0
    weights = (
        (_FLOAT + copy) * states.trained
        + _FLOAT * states.frozen_projector
        + size * (states.frozen_language + states.tower)
    )
    # several processes add up gradients in buckets, which are a second copy
    copies = 2 if devices > 1 else 1
    return weights, copies * _FLOAT * states.trained, 2 * _FLOAT * states.trained


def _live(states: States) -> int:
    """Return how many sharded numbers are together at a time, at most."""
    settings = zero_settings("zero3", 1) or {}
    return min(states.sharded, int(settings["zero_optimization"]["stage3_max_live_parameters"]))
