"""Requests to an OpenAI-compatible endpoint, and images to send."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.adapter import Request
from models.openai_compatible import OpenAICompatible
from tests.models.chat_server import ChatServer, Received, Reply

CONTEXT = "Zebra stripes since Tuesday"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with four images, each of one grey level."""
    for i in range(4):
        Image.fromarray(np.full((40, 30), 50 * i, np.uint8)).save(tmp_path / f"{i}.png")
    return tmp_path


def model_at(server: ChatServer | str, **options: Any) -> OpenAICompatible:
    endpoint = server if isinstance(server, str) else server.endpoint
    return OpenAICompatible.from_settings({"endpoint": endpoint, "model": "m", **options})


def ask(folder: Path, current: int = 1, earlier: int | None = None, **more: Any) -> Request:
    image = None if earlier is None else folder / f"{earlier}.png"
    return Request(f"s{current}", folder / f"{current}.png", image, **more)


def script(*replies: Reply) -> Callable[[Received, int], Reply]:
    return lambda request, number: replies[min(number, len(replies) - 1)]


def grey(image: Image.Image) -> int:
    return int(np.asarray(image.convert("L")).mean())
