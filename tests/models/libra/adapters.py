"""Adapters on small checkpoints, and requests to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from models.adapter import Generation, Request
from models.libra.adapter import Libra
from tests.models.libra.golden_models import folder, image

FAST = {"device": "cpu", "dtype": "float32", "generation": {"max_new_tokens": 24}}


def adapter(weights: str | Path, kind: type[Libra] = Libra, **settings: Any) -> Libra:
    return kind.from_settings({"weights": str(weights), **FAST, **settings})


def request(name: str = "a", prior: str | None = None, **settings: Any) -> Request:
    return Request(
        sample_id=name,
        current_image=image(f"cur_{name}.png"),
        prior_image=None if prior is None else image(prior),
        **settings,
    )


REQUESTS = [
    request("a", "prior_a.png"),
    request("wide"),
    request("rgb", "prior_tall.png"),
    request("small"),
]


@pytest.fixture(scope="module")
def libra() -> Iterator[Libra]:
    found = adapter(folder("full"))
    found.check()
    yield found
    found.close()


def texts(made: list[Generation]) -> list[str]:
    return [one.text for one in made]


def scaled(file: Path) -> None:
    """Change the weights of a file."""
    save_file({name: 1.5 * tensor for name, tensor in load_file(file).items()}, file)
