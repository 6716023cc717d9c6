"""Records as the model takes them: tokenised, their images decoded in the loader's workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from models.training.collation import EncodedRecord, collate
from models.training.tuning.records import Records, TrainingRecord
from models.training.tuning.survey import Encoding


class TuningDataset(Dataset[EncodedRecord]):
    """The records that teach, encoded on demand.

    Parameters
    ----------
    records
        All records.
    rows
        Which of them, in order: ``np.flatnonzero(survey.taught)``.
    encoding
        How conversations become ids.
    pictures
        Reads images; a `pictures.Pictures`.
    """

    def __init__(
        self, records: Records, rows: NDArray[np.int64], encoding: Encoding, pictures: Any
    ) -> None:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, index: int) -> EncodedRecord:
        raise NotImplementedError

    def record(self, index: int) -> TrainingRecord:
        """Return a record as it was read, for evaluation."""
        raise NotImplementedError


@dataclass(frozen=True)
class Collator:
    """Puts records into batches: ``input_ids``, ``labels``, ``attention_mask``, ``images``.

    With ``features`` the images are what the tower made of them, under ``features``.
    """

    pad_token_id: int
    model_max_length: int
    features: bool = False

    def __call__(self, records: Sequence[EncodedRecord]) -> dict[str, Tensor]:
        """Return the batch of records."""
        batch = collate(records, self.pad_token_id, self.model_max_length)
        if self.features and "images" in batch:
            batch["features"] = batch.pop("images")
        return batch
