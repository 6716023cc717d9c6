"""Load a projector alone from its file, told by its keys and shapes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from models.arguments import check_argument
from models.errors import InputError
from models.libra.config import read_json
from models.libra.key_table import compare
from models.libra.projectors import Projector, build_projector
from models.weights_files import check_weights, read_tensors

_MARKER = "mm_projector."
_MLP_KEY = re.compile(r"^projector\.(\d{1,2})\.(?:weight|bias)$")
_LLAVA_KEY = re.compile(r"^(\d{1,2}\.)?(weight|bias)$")

T = TypeVar("T")


def load_projector(path: str | Path, num_heads: int | None = None) -> Projector:
    """Return the projector of a file, in evaluation mode and float32.

    Parameters
    ----------
    path
        Safetensors or a ``.bin`` of torch: ``mm_projector.bin``, ``mm_tac_projector.bin``,
        ``non_lora_trainables.bin`` or a whole model's file. Keys may be bare or carry any prefix
        that ends in ``mm_projector.``; LLaVA's MLP keys are read too.
    num_heads
        Attention heads of a TAC, which its tensors do not tell; from config.json beside the file
        if None. The other projectors have none.

    Raises
    ------
    InputError
        If the file holds no projector, keys or shapes do not fit one (a table says which), or the
        heads of a TAC are unknown.
    MissingError
        If there is no such file.
    """
    check_argument("path", path, str, Path)
    check_argument("num_heads", num_heads, int, None)
    file = Path(path)
    tensors = projector_tensors(read_tensors(file))
    if not tensors:
        raise InputError(f"{file} holds no projector. Give a file with mm_projector tensors.")
    with torch.device("meta"):  # a size that one wrong tensor tells may be any
        wanted = _built(tensors, file, num_heads).state_dict()
    needed = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
    compare({name: tuple(tensor.shape) for name, tensor in tensors.items()}, needed).refuse(file)
    check_weights(tensors, file)
    projector = _built(tensors, file, num_heads)
    projector.load_state_dict(tensors)
    return projector.eval()


def projector_tensors(tensors: Mapping[str, T]) -> dict[str, T]:
    """Return the projector's tensors (or their shapes) among others, under our modules' names.

    Bare keys are taken as they are where no key names a projector.
    """
    named = {
        name.partition(_MARKER)[2]: tensor for name, tensor in tensors.items() if _MARKER in name
    }
    found = named or (dict(tensors) if _is_bare(tensors) else {})
    return {own_name(name): tensor for name, tensor in found.items()}


def own_name(name: str) -> str:
    """Return our name of a projector's tensor: LLaVA's MLPs lack the wrapper's ``projector.``."""
    return f"projector.{name}" if _LLAVA_KEY.match(name) else name


def _is_bare(tensors: Mapping[str, object]) -> bool:
    return any(
        name.startswith(("LFE.", "mlp_final.", "projector.")) or _LLAVA_KEY.match(name)
        for name in tensors
    )


def _built(tensors: Mapping[str, Tensor], file: Path, num_heads: int | None) -> Projector:
    if any(name.startswith(("LFE", "cros_attention", "mlp_final")) for name in tensors):
        return _connector(tensors, file, num_heads)
    if "projector.weight" in tensors or "projector.bias" in tensors:
        hidden_size = _size(tensors, file, {"projector.weight": (2, 0), "projector.bias": (1, 0)})
        vision_dim = _size(tensors, file, {"projector.weight": (2, 1)})
        return build_projector("linear", vision_dim, hidden_size, 1)
    last = max((int(found[1]) for name in tensors if (found := _MLP_KEY.match(name))), default=0)
    biases = {f"projector.{i}.bias": (1, 0) for i in range(0, last + 1, 2)}
    hidden_size = _size(tensors, file, {"projector.0.weight": (2, 0), **biases})
    vision_dim = _size(tensors, file, {"projector.0.weight": (2, 1)})
    return build_projector(f"mlp{last // 2 + 1}x_gelu", vision_dim, hidden_size, 1)


def _connector(tensors: Mapping[str, Tensor], file: Path, num_heads: int | None) -> Projector:
    hidden_size = _size(tensors, file, {f"mlp_final.{i}.bias": (1, 0) for i in (6, 4, 2, 0)})
    vision_dim = _size(tensors, file, {f"norm{i}.weight": (1, 0) for i in (1, 2, 3, 4)})
    fused = {"LFE.0.fc2.bias": (1, 0), "LFE.0.fc2.weight": (4, 0), "LFE.1.weight": (4, 1)}
    layers = _size(tensors, file, fused)
    heads = _heads(file) if num_heads is None else num_heads
    return build_projector("TAC", vision_dim, hidden_size, heads, layers)


def _size(tensors: Mapping[str, Tensor], file: Path, places: Mapping[str, tuple[int, int]]) -> int:
    """Return the size that most places tell, so that one wrong tensor is what is reported.

    A place is a tensor with its number of dimensions, and the dimension that has the size.
    """
    told = Counter(
        tensors[name].shape[axis]
        for name, (dimensions, axis) in places.items()
        if name in tensors and tensors[name].dim() == dimensions
    )
    if not told:
        raise InputError(
            f"{file} holds only a part of a projector: its size cannot be told, since "
            f"{' or '.join(places)} is missing or has a wrong shape. Check the file."
        )
    return told.most_common(1)[0][0]


def _heads(file: Path) -> int:
    config = file.parent / "config.json"
    if not config.is_file():
        raise InputError(
            f"The attention heads of the TAC in {file} are unknown: there is no config.json "
            "beside it. Give num_heads (the language model's)."
        )
    heads = read_json(config).get("num_attention_heads")
    if not isinstance(heads, int) or isinstance(heads, bool):
        raise InputError(f"{config} has no num_attention_heads. Give num_heads.")
    return heads
