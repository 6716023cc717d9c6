"""What a stage learns from and is validated on: records that teach, ready to be batched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray
from torch import Tensor

from models.images.feature_cache import FeatureDtype, feature_folder
from models.libra.loading import tower_files
from models.training.tuning.dataset import Collator, TuningDataset
from models.training.tuning.features import Features
from models.training.tuning.image_cache import ImageCache, image_folder
from models.training.tuning.pictures import Pictures, Pixels
from models.training.tuning.records import Records
from models.training.tuning.start import Started
from models.training.tuning.survey import Encoding, Survey, survey
from models.weights_files import hash_weights

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Material:
    """Records that teach, the length of each in tokens (int32 ``[records]``), and how to batch."""

    dataset: TuningDataset
    lengths: NDArray[np.int32]
    collator: Collator


def surveyed(records: Records, started: Started, keep: Path, advance: Advance) -> Survey:
    """Return what the records come to, found by the first process and read by the others."""
    with PartialState().main_process_first():
        return survey(records, _encoding(started), started.stage.workers, keep, advance)


def material_of(
    records: Records, found: Survey, started: Started, advance: Advance = lambda pictures: None
) -> Material:
    """Return the records of a survey that teach.

    Parameters
    ----------
    advance
        Told how many images' features more are kept, where the stage has a cache of them.

    Raises
    ------
    InputError
        If an image cannot be read, or the disk is too small for the cache.
    """
    pixels = Pixels(started.preprocessor, cache=_image_cache(started))
    pictures: Pictures = pixels
    if started.stage.feature_cache:
        pictures = _kept_features(pixels, records, found, started, advance)
    encoding = _encoding(started)
    return Material(
        TuningDataset(records, found.rows, encoding, pictures),
        found.lengths[found.rows],
        Collator(
            encoding.tokenizer.pad_token_id,
            encoding.model_max_length,
            features=started.stage.feature_cache,
        ),
    )


def _encoding(started: Started) -> Encoding:
    return Encoding(
        started.tokenizer.tokenizer,
        started.recipe.template,
        started.stage.model_max_length,
        started.learner.vision_tower.num_patches,
        started.origin.config.use_start_end,
        needs_image=started.stage.trains == ("projector",),
    )


def _image_cache(started: Started) -> ImageCache | None:
    gigabytes = started.stage.image_cache_gb
    if gigabytes is None:
        return None
    return ImageCache(image_folder(), started.preprocessor.size, int(gigabytes * 1e9))


def _kept_features(
    pixels: Pixels, records: Records, found: Survey, started: Started, advance: Advance
) -> Features:
    origin, tower = started.origin, started.learner.vision_tower
    files = tower_files(origin) or [*origin.weights, *origin.extra]
    identity = {
        "weights": hash_weights(files),
        "layer": tower.select_layer,
        "feature": tower.select_feature,
        "dtype": started.stage.precision,
    }
    kept_in: FeatureDtype = "float32" if started.stage.precision == "fp32" else "float16"
    features = Features(pixels, identity, feature_folder(), kept_in)

    def encode(images: Tensor) -> Tensor:
        encoded: Tensor = tower(images)
        return encoded

    state = PartialState()
    if state.is_main_process:
        with torch.no_grad():
            features.fill(
                records, found.rows, encode, workers=started.stage.workers, advance=advance
            )
    state.wait_for_everyone()
    return features
