from pathlib import Path

import pytest

from tests.models.chat_server import serve

__all__ = ["own_cache", "serve"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep verdicts in a folder of the test, and configure no judge."""
    monkeypatch.setenv("CXR_HARNESS_CACHE", str(tmp_path / "cache"))
    for name in ("MODEL", "ENDPOINT", "API_KEY_ENV", "PROMPT"):
        monkeypatch.delenv(f"CXR_HARNESS_JUDGE_{name}", raising=False)
