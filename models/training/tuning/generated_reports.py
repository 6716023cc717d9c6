"""Reports that a model writes on validation studies while it is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from models.engines.engine import Decoding, EnginePrompt
from models.engines.transformers_engine import TransformersEngine
from models.libra import prompts
from models.libra.assembly import stop_ids
from models.libra.endings import Ending
from models.libra.prompts import IMAGE_TOKEN_INDEX
from models.training.collation import EncodedRecord
from models.training.masking import IGNORE_INDEX
from models.training.tuning.gathering import gathered
from models.training.tuning.material import Material
from models.training.tuning.recipe import Validation
from models.training.tuning.start import Started


class ReportWriter:
    """Writes answers to the last questions of records, a batch of studies at a time.

    Parameters
    ----------
    started
        The model and its tokenizer; it writes with the weights of the moment.
    template
        The conversation template of training, whose end marker ends an answer.
    validation
        Batch size and decoding.
    autocast
        What the trained weights are computed in; None for their own type.
    """

    def __init__(
        self,
        started: Started,
        template: str,
        validation: Validation,
        autocast: torch.dtype | None,
    ) -> None:
        self._learner, self._tokenizer = started.learner, started.tokenizer
        self._ending = Ending(prompts.stop_string(template, published=False), started.tokenizer)
        self._ends = stop_ids(started.origin)
        self._size, self._autocast = validation.batch_size, autocast
        self._decoding = Decoding(
            num_beams=validation.num_beams, max_new_tokens=validation.max_new_tokens
        )

    @property
    def _device(self) -> torch.device:
        return self._learner.as_model().device

    def write(self, valid: Material, places: Sequence[int], wrapper: Any = None) -> list[str]:
        """Return a report for each of some records; ``wrapper`` is DeepSpeed's, if used."""
        engine = TransformersEngine(
            self._learner.language_model, stop_ids=self._ends, batch_size=self._size
        )
        texts: list[str] = []
        enabled = self._autocast is not None
        with gathered(self._learner, wrapper):
            for start in range(0, len(places), self._size):
                some = [valid.dataset[place] for place in places[start : start + self._size]]
                batch = valid.collator(some)  # out of autocast, which stacks no float16 on a CPU
                with torch.autocast(self._device.type, self._autocast, enabled=enabled):
                    found = engine.generate(self._prompts(some, batch), self._decoding)
                texts += [self._text(sequences[0].token_ids) for sequences in found]
        return texts

    def _prompts(
        self, records: Sequence[EncodedRecord], batch: Mapping[str, Tensor]
    ) -> list[EnginePrompt]:
        """Return what each record says before its last answer, exactly as it is trained."""
        asked = [list(one.input_ids[: _answer_start(one.labels)]) for one in records]
        shown = [place for place, ids in enumerate(asked) if IMAGE_TOKEN_INDEX in ids]
        kinds = [batch.get(name) for name in ("images", "features")]
        images, features = (None if one is None else one.to(self._device) for one in kinds)
        embedded = dict(zip(shown, self._learner.pictures(shown, images, features), strict=False))
        model = self._learner.as_model()
        stops = () if self._ending.token is None else (self._ending.token,)
        return [
            EnginePrompt(ids, model.embed_prompt(ids, embedded.get(place)), stop_ids=stops)
            for place, ids in enumerate(asked)
        ]

    def _text(self, ids: Sequence[int]) -> str:
        return self._tokenizer.text(ids[: self._ending.length(ids)], self._ending.text)


def _answer_start(labels: Sequence[int]) -> int:
    """Return where the last run of learnt tokens begins."""
    start = len(labels)
    while start and labels[start - 1] == IGNORE_INDEX:
        start -= 1
    while start and labels[start - 1] != IGNORE_INDEX:
        start -= 1
    return start
