"""RaTE-NER: the entities of a report, sentence by sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from metrics.annotators.annotator import Annotator
from metrics.annotators.encoders import (
    length_batches,
    load_config,
    padded,
    quiet,
    require_packages,
)
from metrics.annotators.ratescore.entities import TYPES, Entity, entity_ranges
from metrics.annotators.ratescore.folders import fill_from, read_tokenizer
from metrics.annotators.ratescore.sentences import sentences
from metrics.errors import InputError
from metrics.precision import FLOAT32, check_precision

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import nn

_MAX_TOKENS = 512


class EntityRecognizer(Annotator[list[Entity]]):
    """A loaded RaTE-NER.

    A sentence is cut after 510 word pieces. A report without a sentence of at least 3 characters
    has no entities; in the official package it shifts the entities of all reports after it.
    """

    version: ClassVar[int] = 1

    def __init__(self, model: nn.Module, tokenizer: Tokenizer, device: str) -> None:
        config: Any = model.config
        self._model = model
        self._tokenizer = tokenizer
        self._tags = [config.id2label[i] for i in range(config.num_labels)]
        self._padding: int = config.pad_token_id
        self._device = device

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu", precision: str = FLOAT32) -> Self:
        """Load ``Angelakeke/RaTE-NER-Deberta`` or a model of the same layout from its folder.

        ``precision`` is as in `RaTEScoreAnnotator.load`.

        Raises
        ------
        InputError
            If files are damaged, do not fit each other, or name other types of entities; if there
            is no such precision.
        MissingError
            If a file or package is not there.
        """
        check_precision(precision, device)
        require_packages()
        import torch
        from transformers import AutoModelForTokenClassification
        from transformers.initialization import no_init_weights

        from metrics.annotators.products import lower
        from metrics.annotators.ratescore.positions import remember_positions

        path = Path(folder)
        config = load_config(path)
        _check_tags(set(config.id2label.values()), path)
        with quiet(), no_init_weights():
            build: Any = AutoModelForTokenClassification.from_config
            model: nn.Module = build(config, dtype=torch.float32)
        model = model.eval().requires_grad_(False)
        fill_from(model, path)
        own: Any = model
        lower(own.base_model, precision, device)
        remember_positions(own.base_model)
        return cls(model.to(device), read_tokenizer(path, _MAX_TOKENS), device)

    def annotate_distinct(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return the entities of each text, in order; each distinct sentence is read once."""
        # the fast tokeniser cannot take lone surrogates
        split = [sentences(text.encode("utf-8", "ignore").decode()) for text in texts]
        distinct = list(dict.fromkeys(sentence for part in split for sentence in part))
        found = dict(zip(distinct, self._read(distinct), strict=True))
        return [[entity for sentence in part for entity in found[sentence]] for part in split]

    @staticmethod
    def encode(annotation: list[Entity]) -> bytes:
        """Return the entities as JSON."""
        return json.dumps(annotation, ensure_ascii=False).encode()

    @staticmethod
    def decode(data: bytes) -> list[Entity]:
        """Return the entities of these bytes."""
        return [(text, kind) for text, kind in json.loads(data)]

    def _read(self, distinct: list[str]) -> list[list[Entity]]:
        import torch

        ids = [one.ids for one in self._tokenizer.encode_batch(distinct)]
        found: dict[int, list[Entity]] = {}
        for batch in length_batches([len(sequence) for sequence in ids], self._device):
            inputs, mask = padded([ids[i] for i in batch], self._padding, self._device)
            with torch.inference_mode():
                logits = self._model(input_ids=inputs, attention_mask=mask).logits
            for i, best in zip(batch, logits.argmax(-1).tolist(), strict=True):
                found[i] = self._entities(ids[i], best[: len(ids[i])])
        return [found[i] for i in range(len(distinct))]

    def _entities(self, ids: list[int], best: list[int]) -> list[Entity]:
        own: Any = self._tokenizer
        # the official package counts what is no padding, and a text may spell "[PAD]"
        kept = ids[: len(ids) - ids.count(self._padding)]
        pieces = [own.id_to_token(i) for i in kept]
        ranges = entity_ranges(pieces, [self._tags[i] for i in best])
        return [
            (own.decoder.decode(pieces[first : last + 1]), kind) for first, last, kind in ranges
        ]


def _check_tags(tags: Set[str], folder: Path) -> None:
    wanted = {f"{begin}-{kind}" for begin in "BI" for kind in TYPES} | {"O"}
    if not tags <= wanted:
        raise InputError(
            f"{folder}/config.json tags words as {', '.join(sorted(tags))}. RaTEScore needs "
            f"O, and B- and I- of {', '.join(TYPES)}: give the folder of RaTE-NER-Deberta."
        )
