"""Where generated data and annotations are kept between runs."""

from __future__ import annotations

from pathlib import Path


def cache_folder() -> Path:
    """Return ``CXR_HARNESS_CACHE``, or ``cxr-harness`` in the user's cache folder."""
    from metrics.cache import default_path

    return default_path().parent
