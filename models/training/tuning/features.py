"""What the frozen tower makes of every image, kept on disk so that it is made once."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from models.errors import InputError
from models.images.feature_cache import FeatureCache, FeatureDtype
from models.training.tuning.pictures import Picture, Pixels, RecordError, pictures_of
from models.training.tuning.records import Records, TrainingRecord


class Features:
    """Reads the features of images from a cache, which `fill` has filled.

    Parameters
    ----------
    pixels
        Reads the images themselves.
    tower
        All else that the features depend on, as plain JSON values: the tower's weights (a hash of
        them), the layers and positions that are taken, the dtype.
    folder
        Where they are kept; `models.images.feature_cache.feature_folder` is the usual place.
    dtype
        ``float16`` holds what a tower in half precision gives; ``float32`` all.
    """

    def __init__(
        self, pixels: Pixels, tower: Mapping[str, Any], folder: Path, dtype: FeatureDtype
    ) -> None:
        self._pixels = pixels
        self._tower = json.dumps(tower, sort_keys=True)
        self._folder = folder
        self._dtype = torch.float16 if dtype == "float16" else torch.float32
        self._cache = FeatureCache(folder, dtype)

    def __call__(self, record: TrainingRecord) -> tuple[Tensor, ...]:
        """Return the features of each picture, in the dtype that they are kept in.

        Raises
        ------
        InputError
            If a picture's are not there.
        """
        return tuple(self._of(picture) for picture in pictures_of(record))

    def fill(
        self,
        records: Records,
        rows: NDArray[Any],
        encode: Callable[[Tensor], Tensor],
        batch_size: int = 16,
        workers: int = 0,
        advance: Callable[[int], None] = lambda pictures: None,
    ) -> int:
        """Keep the features of all pictures that are not there yet; return how many these were.

        Parameters
        ----------
        records, rows
            Whose pictures; the rows are those that teach.
        encode
            The tower: features ``[B, ...]`` of pixels ``[B, 3, S, S]`` in float32.
        batch_size
            Pictures that pass the tower together.
        workers
            Processes that decode.
        advance
            Told how many pictures more are kept.

        Raises
        ------
        InputError
            If an image cannot be read, or the disk is too small for the features.
        """
        found = {
            self._key(picture): picture for row in rows for picture in pictures_of(records[row])
        }
        wanted = [(key, one) for key, one in found.items() if self._cache.get(key) is None]
        loader: DataLoader[Any] = DataLoader(
            _Distinct(self._pixels, wanted), batch_size=batch_size, num_workers=workers
        )
        done = 0
        for pixels in loader:
            features = encode(pixels).float().cpu().numpy()
            if not done:
                self._check_room(features[0].size, len(wanted))
            for (key, _), one in zip(wanted[done : done + len(pixels)], features, strict=True):
                self._cache.put(key, one)
            done += len(pixels)
            advance(len(pixels))
        return done

    def _of(self, picture: Picture) -> Tensor:
        kept = self._cache.get(self._key(picture))
        if kept is None:
            raise InputError(
                f"{picture.files[0]}: its features are not in {self._folder}. The image has "
                "changed or the disk is full; start again, or set feature_cache to false."
            )
        return torch.from_numpy(kept).to(self._dtype)

    def _key(self, picture: Picture) -> str:
        said = f"{self._pixels.key(picture)} {self._tower}"
        return hashlib.sha256(said.encode()).hexdigest()

    def _check_room(self, numbers: int, pictures: int) -> None:
        needed = numbers * self._dtype.itemsize * pictures
        free = shutil.disk_usage(self._folder).free
        if needed > free:
            raise InputError(
                f"{self._folder}: the features of {pictures:,} images need {needed / 1e9:,.1f} GB, "
                f"but {free / 1e9:,.1f} GB are free. Set feature_cache to false."
            )


class _Distinct(Dataset[Tensor]):
    def __init__(self, pixels: Pixels, wanted: Sequence[tuple[str, Picture]]) -> None:
        self._pixels = pixels
        self._wanted = wanted

    def __len__(self) -> int:
        return len(self._wanted)

    def __getitem__(self, index: int) -> Tensor:
        try:
            return torch.from_numpy(self._pixels.of(self._wanted[index][1]))
        except InputError as error:
            raise RecordError(str(error)) from error
