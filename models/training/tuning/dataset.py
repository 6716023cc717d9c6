"""Records as the model takes them: tokenised, their images decoded in the loader's workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from models.errors import InputError
from models.training.collation import EncodedRecord, collate
from models.training.masking import encode_conversation
from models.training.tuning.pictures import Pictures, RecordError
from models.training.tuning.records import Records, TrainingRecord
from models.training.tuning.survey import Encoding


class TuningDataset(Dataset[EncodedRecord]):
    """The records that teach, read, tokenised and decoded when they are asked for.

    Parameters
    ----------
    records
        All records.
    rows
        Which of them, in order: ``survey.rows``.
    encoding
        How conversations become ids.
    pictures
        Gives what the model reads of images: `pictures.Pixels`, or `features.Features`.
    """

    def __init__(
        self, records: Records, rows: NDArray[Any], encoding: Encoding, pictures: Pictures
    ) -> None:
        self._records = records
        self._rows = rows
        self._encoding = encoding
        self._pictures = pictures

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> EncodedRecord:
        """Return an encoded record.

        Raises
        ------
        RecordError
            If an image cannot be read; the message names the record and the file.
        """
        record = self.record(index)
        ids, labels = encode_conversation(
            record.conversation,
            self._encoding.tokenizer,
            self._encoding.template,
            bool(record.images),
            self._encoding.model_max_length,
            start_and_end=self._encoding.start_and_end,
        )
        try:
            images = self._pictures(record)
        except InputError as error:
            raise RecordError(f"The record {record.id!r}: {error}") from error
        return EncodedRecord(ids, labels, images)

    def record(self, index: int) -> TrainingRecord:
        """Return a record as it was read: a generated answer is compared with its reference."""
        return self._records[int(self._rows[index])]


@dataclass(frozen=True)
class Collator:
    """Puts records into batches: ``input_ids``, ``labels``, ``attention_mask``, ``images``.

    With ``features`` the images are what the tower made of them, under ``features``.
    """

    pad_token_id: int
    model_max_length: int
    features: bool = False

    def __call__(self, records: Sequence[EncodedRecord]) -> dict[str, Tensor]:
        """Return a batch; see `models.training.collation.collate`."""
        batch = collate(records, self.pad_token_id, self.model_max_length)
        if self.features and "images" in batch:
            batch["features"] = batch.pop("images")
        return batch
