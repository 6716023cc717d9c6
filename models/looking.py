"""Which of a sample's images an adapter looks at, for the adapters that do not look at all."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from models.adapter import Adapter, Request


@runtime_checkable
class LooksAtSome(Protocol):
    """An adapter that says which images an answer is made from."""

    def looks_at(self, request: Request) -> list[Path]:
        """Return the images that can change the answer to a request."""


def images_of(request: Request) -> list[Path]:
    """Return all images that a model may look at to answer the request."""
    named = (request.current_image, request.prior_image, *request.images)
    return list(dict.fromkeys(path for path in named if path is not None))


def looked_at(adapter: Adapter, request: Request) -> list[Path]:
    """Return the images that can change an adapter's answer to a request, each once.

    Where the adapter does not say, these are all of them, but for the prior if it uses none.
    """
    if not adapter.uses_images:
        return []
    if isinstance(adapter, LooksAtSome):
        return list(dict.fromkeys(adapter.looks_at(request)))
    own = {request.current_image, *request.images}
    found = images_of(request)
    return [path for path in found if adapter.uses_prior or path in own]
