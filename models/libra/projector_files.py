"""Load a projector alone from its file, told by its keys and shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from models.arguments import check_argument
from models.errors import InputError
from models.libra.config import read_json
from models.libra.key_table import compare
from models.libra.projectors import Projector, build_projector
from models.weights_files import check_weights, read_tensors

_MARKER = "mm_projector."
_MLP_KEY = re.compile(r"^projector\.(\d+)\.(?:weight|bias)$")
_LLAVA_KEY = re.compile(r"^(\d+\.)?(weight|bias)$")

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
    check_weights(tensors, file)
    projector = _built(tensors, file, num_heads)
    needed = {name: tuple(tensor.shape) for name, tensor in projector.state_dict().items()}
    compare({name: tuple(tensor.shape) for name, tensor in tensors.items()}, needed).refuse(file)
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
        hidden_size, vision_dim = _size(tensors, file, {"projector.weight": 2})
        return build_projector("linear", vision_dim, hidden_size, 1)
    hidden_size, vision_dim = _size(tensors, file, {"projector.0.weight": 2})
    last = max(int(found[1]) for name in tensors if (found := _MLP_KEY.match(name)))
    return build_projector(f"mlp{last // 2 + 1}x_gelu", vision_dim, hidden_size, 1)


def _connector(tensors: Mapping[str, Tensor], file: Path, num_heads: int | None) -> Projector:
    final = {f"mlp_final.{i}.bias": 1 for i in (6, 4, 2, 0)}
    (hidden_size,) = _size(tensors, file, final)
    (vision_dim,) = _size(tensors, file, {f"norm{i}.weight": 1 for i in (1, 2, 3, 4)})
    (layers,) = _size(tensors, file, {"LFE.0.fc2.bias": 1})
    heads = _heads(file) if num_heads is None else num_heads
    return build_projector("TAC", vision_dim, hidden_size, heads, layers)


def _size(tensors: Mapping[str, Tensor], file: Path, names: Mapping[str, int]) -> list[int]:
    """Return the shape of the first of the tensors that is there with so many dimensions."""
    for name, dimensions in names.items():
        if name in tensors and tensors[name].dim() == dimensions:
            return list(tensors[name].shape)
    raise InputError(
        f"{file} holds only a part of a projector: its size cannot be told, since "
        f"{' or '.join(names)} is missing or has a wrong shape. Check the file."
    )


def _heads(file: Path) -> int:
    config = file.parent / "config.json"
    if not config.is_file():
        raise InputError(
            f"The attention heads of the TAC in {file} are unknown: there is no config.json "
            "beside it. Give num_heads (the language model's)."
        )
    heads = read_json(config).get("num_attention_heads")
    if not isinstance(heads, int):
        raise InputError(f"{config} has no num_attention_heads. Give num_heads.")
    return heads
