"""No test sees the user's own annotations or weights."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXR_HARNESS_CACHE", str(folder))
        patch.setenv("CXR_HARNESS_WEIGHTS", str(folder / "weights"))
        yield
