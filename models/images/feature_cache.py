"""Image features on disk: the same images are read by every run, and encoding them is slow."""

from __future__ import annotations

import hashlib
import io
import json
import os
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from models.arguments import check_argument
from models.atomic import replace_file
from models.errors import InputError

FeatureDtype = Literal["float32", "float16"]
_CHECK_BYTES = 4


class FeatureCacheWarning(UserWarning):
    """Features could not be kept; they will be computed again."""


def feature_folder() -> Path:
    """Return ``features`` in ``CXR_HARNESS_CACHE``, or in the user's cache folder."""
    named = os.environ.get("CXR_HARNESS_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(named or f"{base}/cxr-harness")
    try:
        return folder.expanduser() / "features"
    except RuntimeError as error:
        raise InputError(
            f"There is no home folder for {folder}. Name another one with the environment "
            "variable CXR_HARNESS_CACHE."
        ) from error


def feature_key(pixels: np.ndarray, tower: Mapping[str, Any]) -> str:
    """Return the key of an image's features: SHA-256 over its preprocessed pixels and the tower.

    ``tower`` is all else that the features depend on, as plain JSON values: the tower's weights
    (a hash of them), layer and feature choice, dtype and device kind.
    """
    header = [list(pixels.shape), pixels.dtype.str, tower]
    digest = hashlib.sha256(json.dumps(header, sort_keys=True, allow_nan=False).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


class FeatureCache:
    """Arrays of features under a folder, by key.

    Several processes may share a folder. An entry that is damaged is removed and counts as absent.
    Files can be read by their owner only: features are made from images of patients.

    Parameters
    ----------
    folder
        Where entries are kept; made if it is not there. `feature_folder` is the usual place.
    dtype
        ``float32`` keeps features exactly, ``float16`` halves the files.
    max_bytes
        Above this size of all entries of one dtype, those that were not used for longest are
        removed. None: no limit.

    Raises
    ------
    InputError
        If the dtype or the limit cannot be used, or the folder cannot be made.
    """

    def __init__(
        self, folder: str | Path, dtype: FeatureDtype = "float32", max_bytes: int | None = None
    ) -> None:
        check_argument("folder", folder, str, Path)
        check_argument("dtype", dtype, str)
        check_argument("max_bytes", max_bytes, int, None)
        if dtype not in get_args(FeatureDtype):
            raise InputError(f'Features are kept as "float32" or "float16", not "{dtype}".')
        if max_bytes is not None and max_bytes < 1:
            raise InputError(f"The size of the feature cache is {max_bytes}. Give bytes above 0.")
        self._dtype = dtype
        self._max_bytes = max_bytes
        self._folder = Path(folder) / dtype
        try:
            Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder}: this folder cannot be made ({error.strerror}). "
                "Set CXR_HARNESS_CACHE to a folder that can be written to."
            ) from error

    def get(self, key: str) -> np.ndarray | None:
        """Return the float32 features under a key, None if they are absent or damaged."""
        path = self._path(key)
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        array = _unpacked(content)
        if array is None:
            path.unlink(missing_ok=True)
        return array

    def put(self, key: str, array: np.ndarray) -> np.ndarray:
        """Keep features under a key, and return them as `get` will, rounded to the cache's dtype.

        Using what is returned makes the first run equal to the later ones. An array that float16
        cannot hold is kept as float32. A disk that cannot be written to is a warning.
        """
        kept = _rounded(array, self._dtype)
        content = _packed(kept)
        if self._max_bytes is None or len(content) <= self._max_bytes:
            try:
                self._write(self._path(key), content)
            except OSError as error:
                warnings.warn(
                    f"{self._folder}: features are not kept ({error.strerror}).",
                    FeatureCacheWarning,
                    stacklevel=2,
                )
            self._evict()
        return kept.astype(np.float32)

    def _path(self, key: str) -> Path:
        if len(key) < 3 or not set(key) <= set("0123456789abcdef"):
            raise InputError(f'A feature key must be hexadecimal, not "{key}". Use feature_key.')
        return self._folder / key[:2] / f"{key}.npy"

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        replace_file(path, content)  # readable by the owner only

    def _evict(self) -> None:
        """Remove what was not used for longest, temporary files of killed processes included."""
        if self._max_bytes is None:
            return
        entries = []
        for path in self._folder.glob("*/*"):
            try:
                status = path.stat()
            except FileNotFoundError:  # removed by another process
                continue
            entries.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self._max_bytes:
                return
            path.unlink(missing_ok=True)
            total -= size


def _rounded(array: np.ndarray, dtype: FeatureDtype) -> np.ndarray:
    exact = np.ascontiguousarray(array, np.float32)
    if dtype == "float32" or np.abs(exact).max(initial=0) > np.finfo(np.float16).max:
        return exact
    return exact.astype(np.float16)


def _packed(array: np.ndarray) -> bytes:
    """Return a npy file followed by its CRC-32."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    content = buffer.getvalue()
    return content + zlib.crc32(content).to_bytes(_CHECK_BYTES, "big")


def _unpacked(content: bytes) -> np.ndarray | None:
    body, check = content[:-_CHECK_BYTES], content[-_CHECK_BYTES:]
    if not body or zlib.crc32(body).to_bytes(_CHECK_BYTES, "big") != check:
        return None
    array: np.ndarray = np.load(io.BytesIO(body), allow_pickle=False)
    return array.astype(np.float32)
