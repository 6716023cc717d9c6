"""Learning rates over the steps of a training: linear warm-up, then a half cosine to zero.

As transformers' cosine schedule, which the original trains with; without torch, so that a plan
can tell them.
"""

from __future__ import annotations

import math

from models.errors import InputError


def warmup_steps(total_steps: int, ratio: float, steps: int = 0) -> int:
    """Return the number of warm-up steps; ``steps`` wins over the ratio where it is given."""
    return steps if steps > 0 else math.ceil(total_steps * ratio)


def cosine_rate(base: float, step: int, total_steps: int, warmup: int) -> float:
    """Return the learning rate after ``step`` steps of the scheduler.

    Step 0 has the rate 0 if there is a warm-up. Beyond the last step the cosine rises again.

    >>> [cosine_rate(1.0, step, total_steps=6, warmup=2) for step in (0, 1, 2, 4, 6)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if step < warmup:
        return base * (step / warmup)
    progress = (step - warmup) / max(1, total_steps - warmup)
    return base * max(0.0, 0.5 * (1.0 + math.cos(math.pi * progress)))


def evaluation_interval(total_steps: int, every: float) -> int:
    """Return the steps between evaluations; below 1, ``every`` is a share of all steps.

    >>> evaluation_interval(199, 0.01)
    2
    """
    if not every > 0:
        raise InputError(f"The interval between evaluations must be above 0, not {every}.")
    return math.ceil(total_steps * every) if every < 1 else int(every)
