"""Where a model runs and in which numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.arguments import check_argument
from models.errors import InputError, MissingError

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "bfloat16", "float16", "8bit", "4bit")
"""``8bit`` and ``4bit`` (nf4, double quantisation) need bitsandbytes; as Libra's load options."""


@dataclass(frozen=True)
class Placement:
    """A device and a dtype; ``quantisation`` is 8 or 4 bits of the language model's weights."""

    device: torch.device
    dtype: torch.dtype
    quantisation: int | None = None

    def loading_options(self) -> dict[str, Any]:
        """Return what transformers' ``from_pretrained`` of a language model is given."""
        if self.quantisation is None:
            return {"dtype": self.dtype}
        from transformers import BitsAndBytesConfig

        eight = self.quantisation == 8
        settings = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_8bit=eight,
            load_in_4bit=not eight,
            bnb_4bit_compute_dtype=self.dtype,
            bnb_4bit_use_double_quant=True,
            bnb_4bit_quant_type="nf4",
        )
        return {
            "dtype": self.dtype,
            "quantization_config": settings,
            "device_map": {"": self.device},
        }

    def put_language_model(self, model: Any) -> Any:
        """Return a language model on the device; quantised weights are there already."""
        return model if self.quantisation else model.to(self.device, self.dtype)


def placement(device: str | None = None, dtype: str | None = None) -> Placement:
    """Return where and how to run: as given, else what the machine has.

    Parameters
    ----------
    device
        As torch names it (``cpu``, ``cuda``, ``cuda:1``, ``mps``); None takes a GPU if it can.
    dtype
        One of ``DTYPES``; None is float32 on a CPU and float16, as published, elsewhere.

    Raises
    ------
    InputError
        If the device or the dtype is unknown or not on this machine.
    MissingError
        If bitsandbytes is needed and not installed.
    """
    import torch

    check_argument("device", device, str, None)
    check_argument("dtype", dtype, str, None)
    found = _device(device)
    if dtype is None:
        dtype = "float32" if found.type == "cpu" else "float16"
    if dtype not in DTYPES:
        raise InputError(f"Unknown dtype {dtype!r}. Known: {', '.join(DTYPES)}.")
    if dtype in ("8bit", "4bit"):
        _need_bitsandbytes()
        compute = torch.float32 if found.type == "cpu" else torch.float16
        return Placement(found, compute, int(dtype[0]))
    number: torch.dtype = getattr(torch, dtype)
    return Placement(found, number)


def _device(name: str | None) -> torch.device:
    import torch

    if name is None:
        has_mps = torch.backends.mps.is_available()
        name = "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device).tolist()
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        raise InputError(f"There is no device {name!r} on this machine. Try cpu.") from error
    return device


def _need_bitsandbytes() -> None:
    from importlib.util import find_spec

    if find_spec("bitsandbytes") is None:
        raise MissingError("8-bit and 4-bit weights need bitsandbytes: `pip install bitsandbytes`.")
