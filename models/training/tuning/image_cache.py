"""Images on disk as the preprocessor cropped them: a tenth of the time of decoding them again."""

from __future__ import annotations

import os
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.atomic import replace_file
from models.errors import InputError
from models.images.feature_cache import feature_folder

_CHECK_BYTES = 4
_LOOKS = 64
"""How many times a full cache's size a worker looks at the folder again."""


class ImageCacheWarning(UserWarning):
    """Images could not be kept; they will be decoded again."""


def image_folder() -> Path:
    """Return ``images`` beside the feature cache's folder."""
    return feature_folder().with_name("images")


class ImageCache:
    """Pictures of 8 bits under a folder, by key.

    Several processes may share a folder; nothing is ever removed, since every epoch reads all
    images. An entry that is damaged counts as absent. Files can be read by their owner only.

    Parameters
    ----------
    folder
        Where they are kept; made if it is not there. `image_folder` is the usual place.
    size
        Pixels of an edge; pictures are square. Grey ones take a third of the room.
    max_bytes
        When the folder's files reach this size no more are kept. Each process may exceed it by a
        64th, since it counts the others' files only now and then.

    Raises
    ------
    InputError
        If the folder cannot be made.
    """

    def __init__(self, folder: str | Path, size: int, max_bytes: int) -> None:
        self._folder = Path(folder)
        self._size = size
        self._max_bytes = max_bytes
        self._own_bytes = 0
        self._known_bytes: int | None = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder}: this folder cannot be made ({error.strerror}). Choose another for the "
                "image cache."
            ) from error

    def get(self, key: str) -> NDArray[np.uint8] | None:
        """Return the pixels ``[S, S, 3]`` under a key, None if they are absent or damaged."""
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        body, check = content[:-_CHECK_BYTES], content[-_CHECK_BYTES:]
        if zlib.crc32(body).to_bytes(_CHECK_BYTES, "big") != check:
            return None
        pixels = np.frombuffer(body, np.uint8)
        area = self._size * self._size
        if pixels.size == area:
            return np.repeat(pixels.reshape(self._size, self._size, 1), 3, axis=2)
        return pixels.reshape(self._size, self._size, 3) if pixels.size == 3 * area else None

    def put(self, key: str, pixels: NDArray[np.uint8]) -> None:
        """Keep pixels ``[S, S, 3]`` if there is room; a disk that refuses them is a warning."""
        if self._is_full():
            return
        first = pixels[..., 0]
        is_grey = all(np.array_equal(first, pixels[..., other]) for other in (1, 2))
        body = np.ascontiguousarray(first if is_grey else pixels).tobytes()
        path = self._path(key)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            replace_file(path, body + zlib.crc32(body).to_bytes(_CHECK_BYTES, "big"))
        except OSError as error:
            self._max_bytes = 0
            warnings.warn(
                f"{self._folder}: images are no longer kept ({error.strerror}).",
                ImageCacheWarning,
                stacklevel=2,
            )
            return
        self._own_bytes += len(body) + _CHECK_BYTES

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key

    def _is_full(self) -> bool:
        """Return whether the limit is reached, counting the folder anew from time to time."""
        if self._known_bytes is None or self._own_bytes > self._max_bytes / _LOOKS:
            self._known_bytes = sum(
                entry.stat().st_size
                for folder in os.scandir(self._folder)
                for entry in os.scandir(folder.path)
            )
            self._own_bytes = 0
        return self._known_bytes + self._own_bytes >= self._max_bytes
