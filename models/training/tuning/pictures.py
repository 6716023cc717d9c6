"""The pictures of a record, decoded and preprocessed where they are asked for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor

from models.errors import InputError
from models.images.canvas import study_canvas
from models.images.preprocess import Preprocessor
from models.images.reading import DicomMode, read_image
from models.training.tuning.image_cache import ImageCache
from models.training.tuning.records import TrainingRecord


class RecordError(InputError):
    """A record whose images cannot be read.

    torch raises an error of a loader's worker again with the worker's traceback as its text; here
    the message alone is kept.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message.rpartition(f"{type(self).__qualname__}: ")[2].strip())


class Pictures(Protocol):
    """Gives what the model reads of a record's images."""

    def __call__(self, record: TrainingRecord) -> tuple[Tensor, ...]:
        """Return one tensor per picture: the current one and maybe the prior; none for text."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What becomes one square of pixels: a file, or several side by side on a canvas."""

    files: tuple[Path, ...]
    views: tuple[str, ...] = ()
    canvas: bool = False


def pictures_of(record: TrainingRecord) -> tuple[Picture, ...]:
    """Return the pictures of a record, a prior that is the current one left out."""
    if record.canvas:
        return (Picture(record.images, record.views, canvas=True),)
    return tuple(Picture((file,)) for file in dict.fromkeys(record.images))


class Pixels:
    """Reads images into float32 pixels ``[3, S, S]``, as the vision tower gets them.

    Parameters
    ----------
    preprocessor
        Of the tower; with black padding where the original's training is followed.
    dicom
        How DICOM values become grey, see `models.images.reading.read_image`.
    cache
        Where pictures are kept once they are decoded.
    """

    def __init__(
        self,
        preprocessor: Preprocessor,
        dicom: DicomMode = "published",
        cache: ImageCache | None = None,
    ) -> None:
        self._preprocessor = preprocessor
        self._dicom = dicom
        self._cache = cache
        self._settings = [preprocessor.signature(), dicom]

    def __call__(self, record: TrainingRecord) -> tuple[Tensor, ...]:
        """Return the pixels of each picture.

        Raises
        ------
        InputError
            If an image cannot be read; the message names its file.
        """
        return tuple(torch.from_numpy(self.of(picture)) for picture in pictures_of(record))

    def of(self, picture: Picture) -> NDArray[np.float32]:
        """Return the pixels of one picture; raises as for a record."""
        key = None if self._cache is None else self.key(picture)
        kept = None if self._cache is None or key is None else self._cache.get(key)
        if kept is None:
            kept = self._preprocessor.cropped(self._read(picture))
            if self._cache is not None and key is not None:
                self._cache.put(key, kept)
        return self._preprocessor.normalised(kept)

    def key(self, picture: Picture) -> str | None:
        """Return a key that changes whenever the pixels can; None if a file is not there."""
        try:
            states = [file.stat() for file in picture.files]
        except OSError:
            return None
        files = [
            [str(file.absolute()), state.st_size, state.st_mtime_ns]
            for file, state in zip(picture.files, states, strict=True)
        ]
        said = json.dumps([files, picture.views, picture.canvas, self._settings])
        return hashlib.sha256(said.encode()).hexdigest()

    def _read(self, picture: Picture) -> Image:
        if not picture.canvas:
            return read_image(picture.files[0], dicom=self._dicom, grey=True)
        images = [read_image(file, dicom=self._dicom) for file in picture.files]
        return study_canvas(images, picture.views)
