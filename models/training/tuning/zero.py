"""DeepSpeed's settings for the ways in which a stage may be sharded over devices."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from models.errors import MissingError
from models.training.tuning.recipe import Sharding

_SUB_GROUP = 1_000_000_000
_STAGES = {"zero2": 2, "zero3": 3, "zero3_offload": 3}


def zero_settings(sharding: Sharding, hidden_size: int) -> dict[str, Any] | None:
    """Return what DeepSpeed is configured with; None without sharding.

    The numbers are those of the original's files (X-iZhang/Libra @0d6c56a, ``scripts/zero*.json``).
    Its ``zero3_offload.json`` names an optimizer and a scheduler of its own, which replace the
    cosine and the projector's learning rate; here the stage's own are kept.

    Parameters
    ----------
    sharding
        ``zero2`` shards gradients and optimizer states, ``zero3`` weights too; ``zero3_offload``
        keeps weights and optimizer states in the host's memory.
    hidden_size
        The language model's, from which the sizes of buffers follow.
    """
    if sharding == "none":
        return None
    zero: dict[str, Any] = {
        "stage": _STAGES[sharding],
        "overlap_comm": True,
        "contiguous_gradients": True,
        "sub_group_size": _SUB_GROUP,
        "reduce_bucket_size": hidden_size * hidden_size,
    }
    if sharding != "zero2":
        zero |= {
            "stage3_prefetch_bucket_size": int(0.9 * hidden_size * hidden_size),
            "stage3_param_persistence_threshold": 10 * hidden_size,
            "stage3_max_live_parameters": _SUB_GROUP,
            "stage3_max_reuse_distance": _SUB_GROUP,
            "stage3_gather_16bit_weights_on_model_save": True,
        }
    if sharding == "zero3_offload":
        host = {"device": "cpu", "pin_memory": True}
        zero |= {"offload_optimizer": dict(host), "offload_param": dict(host)}
    return {
        "fp16": {
            "enabled": "auto",
            "loss_scale": 0,
            "loss_scale_window": 1000,
            "initial_scale_power": 16,
            "hysteresis": 2,
            "min_loss_scale": 1,
        },
        "bf16": {"enabled": "auto"},
        "train_micro_batch_size_per_gpu": "auto",
        "train_batch_size": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "zero_optimization": zero,
    }


def check_sharding(sharding: Sharding, stage: str) -> None:
    """Raise MissingError if a stage is to be sharded and DeepSpeed is not installed."""
    if sharding != "none" and find_spec("deepspeed") is None:
        raise MissingError(
            f"The stage {stage!r} is sharded by {sharding}, which needs the package deepspeed. "
            'Install it with `pip install "cxr-harness[train]"`, or set sharding: none.'
        )
