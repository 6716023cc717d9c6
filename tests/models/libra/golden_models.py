"""The tiny official checkpoints of ``golden/libra_e2e``, and copies of them to break."""

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import models
from models.libra.reporter import LibraReporter

GOLDEN = Path(__file__).parents[2] / "golden" / "libra_e2e"
IMAGES = GOLDEN / "images"
LAYOUTS = ("full", "full_3b", "llavamed_mistral", "lora", "medcxrgen", "projector_only")


@cache
def expected(layout: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((GOLDEN / layout / "expected.json").read_text("utf-8"))
    return content


@cache
def tensors(layout: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / layout / "tensors.npz") as file:
        return dict(file)


def case(layout: str, name: str) -> dict[str, Any]:
    return next(one for one in expected(layout)["cases"] if one["id"].startswith(name))


def folder(layout: str) -> Path:
    return GOLDEN / layout / expected(layout)["checkpoint"]


def base(layout: str) -> Path | None:
    named = expected(layout)["base"]
    return None if named is None else GOLDEN / layout / named


@cache
def reporter(layout: str) -> LibraReporter:
    """The loaded model of a layout; loaded once, so tests must leave it as it is."""
    return models.load(folder(layout), base=base(layout), device="cpu", dtype="float32")


def copied(layout: str, target: Path) -> Path:
    """Copy a layout's folders, and return the checkpoint among them."""
    shutil.copytree(GOLDEN / layout, target / layout)
    return target / layout / expected(layout)["checkpoint"]


def image(name: str) -> Path:
    return IMAGES / name
