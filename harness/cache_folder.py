"""Where generated data and annotations are kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return ``CXR_HARNESS_CACHE``, or ``cxr-harness`` in the user's cache folder."""
    named = os.environ.get("CXR_HARNESS_CACHE")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "cxr-harness"
