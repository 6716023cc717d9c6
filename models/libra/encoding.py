"""From pairs of images to what a language model reads of them, each image encoded once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.images.feature_cache import FeatureCache, feature_key
from models.libra.model import LibraModel
from models.memory import is_out_of_memory

IMAGES_AT_ONCE = 8
"""Images that pass the tower together; halved when memory runs out."""


@dataclass(frozen=True)
class ImagePair:
    """Preprocessed pixels ``[3, S, S]`` of the current image and of the prior.

    Without a prior, the current image stands in for it, as Libra does.
    """

    current: np.ndarray
    prior: np.ndarray | None = None


class ImageEncoder:
    """Runs tower and projector for batches of image pairs.

    Every distinct image of a batch passes the tower once; the prior not at all where the
    projector ignores it. ``tower`` identifies the tower and its dtype in the cache's keys.
    """

    def __init__(
        self, model: LibraModel, tower: Mapping[str, Any], cache: FeatureCache | None = None
    ) -> None:
        self._model = model
        self._tower = tower
        self._cache = cache
        self._at_once = IMAGES_AT_ONCE
        self.images = 0
        self.seconds = 0.0

    @torch.inference_mode()
    def embeddings(self, pairs: Sequence[ImagePair]) -> list[Tensor]:
        """Return image embeddings ``[patches, hidden]``, one per pair."""
        begun = time.perf_counter()
        found: list[Tensor] = []
        for part in _parts(pairs, max(1, IMAGES_AT_ONCE // 2)):
            keys = [self._keys(pair) for pair in part]
            features = self._features(part, keys)
            current = torch.stack([features[now] for now, _ in keys])
            prior = torch.stack([features[before] for _, before in keys])
            found += self._model.project(current, prior).unbind()
        if found and found[0].is_cuda:
            torch.cuda.synchronize()
        self.seconds += time.perf_counter() - begun
        return found

    def _keys(self, pair: ImagePair) -> tuple[str, str]:
        now = feature_key(pair.current, self._tower)
        if pair.prior is None or not self._model.reads_prior:
            return now, now
        return now, feature_key(pair.prior, self._tower)

    def _features(
        self, pairs: Sequence[ImagePair], keys: Sequence[tuple[str, str]]
    ) -> dict[str, Tensor]:
        pixels: dict[str, np.ndarray] = {}
        for pair, (now, before) in zip(pairs, keys, strict=True):
            pixels[now] = pair.current
            if before != now and pair.prior is not None:
                pixels[before] = pair.prior
        features = {key: kept for key in pixels if (kept := self._kept(key)) is not None}
        wanted = [key for key in pixels if key not in features]
        start = 0
        while start < len(wanted):
            some = wanted[start : start + self._at_once]
            encoded = self._encoded_or_shrink([pixels[key] for key in some])
            if encoded is None:
                continue
            features.update(zip(some, encoded, strict=True))
            start += len(some)
        for key in wanted:
            features[key] = self._keep(key, features[key])
        self.images += len(wanted)
        return features

    def _encoded_or_shrink(self, pixels: Sequence[np.ndarray]) -> list[Tensor] | None:
        try:
            return list(self._model.vision_tower(torch.from_numpy(np.stack(pixels))).unbind())
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or len(pixels) == 1:
                raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._at_once = len(pixels) // 2
        return None

    def _kept(self, key: str) -> Tensor | None:
        kept = None if self._cache is None else self._cache.get(key)
        return None if kept is None else torch.from_numpy(kept).to(self._model.device)

    def _keep(self, key: str, features: Tensor) -> Tensor:
        """Keep features, and return them as they will be read: a cache may round them."""
        if self._cache is None:
            return features
        kept = self._cache.put(key, features.float().cpu().numpy())
        return torch.from_numpy(kept).to(features.device, features.dtype)


def _parts(pairs: Sequence[ImagePair], size: int) -> Iterator[Sequence[ImagePair]]:
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]
