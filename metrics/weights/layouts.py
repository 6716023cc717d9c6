"""Which files of a download are the weights: what must be there, is hashed and is copied."""

from __future__ import annotations

from pathlib import Path

from metrics.weights.table import Weight

CONFIG = "config.json"
TENSORS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spm.model")
"""Any one of these is enough."""
_BESIDE = ("tokenizer_config.json", "merges.txt", "special_tokens_map.json", "added_tokens.json")
UNPACKED = (CONFIG, "weights.th")


def lacking(wanted: Weight, place: Path) -> list[str]:
    """Return in words what is not there of a file or folder that should be these weights."""
    if wanted.kind == "checkpoint" or (wanted.kind == "archive" and not place.is_dir()):
        return [] if place.is_file() else ["the file"]
    if not place.is_dir():
        return ["the folder"]
    if wanted.kind == "archive":
        return [name for name in UNPACKED if not (place / name).is_file()]
    choices = [(CONFIG,), TOKENIZERS, *([TENSORS] if wanted.kind == "model" else [])]
    return [" or ".join(c) for c in choices if not any((place / name).is_file() for name in c)]


def files(wanted: Weight, place: Path) -> list[Path]:
    """Return the files that make a difference to scores, of the many that a repository holds."""
    if place.is_file():
        return [place]
    if wanted.kind == "archive":
        return [*(place / name for name in UNPACKED), *sorted(place.glob("vocabulary/*.txt"))]
    return model_files(place, tensors=wanted.kind == "model")


def model_files(folder: Path, tensors: bool = True) -> list[Path]:
    """Return the settings, tokenizer and, if asked for, weight files of a transformers folder."""
    # transformers takes the first of them that is there
    first = [name for name in TENSORS if (folder / name).is_file()][:1] if tensors else []
    shards = sorted(folder.glob("model-*.safetensors")) if first == [TENSORS[1]] else []
    names = (CONFIG, *first, *TOKENIZERS, *_BESIDE)
    return [*(folder / name for name in names if (folder / name).is_file()), *shards]
