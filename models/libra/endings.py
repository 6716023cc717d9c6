"""Where a conversation template ends an answer, as the original's stop keywords do."""

from __future__ import annotations

from collections.abc import Sequence

from models.libra.tokenizers import ReportTokenizer


class Ending:
    """The stop string of a template, in the words of a tokenizer.

    Where it is one added token, ``token`` is its id, and the engine stops there. Else (``###``, a
    line break) it is found in the text afterwards: what is greedy or sampled does not depend on
    what comes later. The rule is that of ``KeywordsStoppingCriteria`` (X-iZhang/Libra @0d6c56a,
    ``libra/mm_utils.py``): the last ids are the keyword's, or the text of as many ids holds it.
    """

    def __init__(self, text: str, tokenizer: ReportTokenizer) -> None:
        self.text = text
        self.token = tokenizer.id_of(text)
        self._tokenizer = tokenizer.tokenizer
        ids = list(self._tokenizer(text).input_ids)
        begins = len(ids) > 1 and ids[0] == self._tokenizer.bos_token_id
        self._ids = ids[1:] if begins else ids

    def is_reached(self, ids: Sequence[int]) -> bool:
        """Return whether these new ids end with the stop string."""
        if self.token is not None:
            return ids[-1] == self.token
        tail = list(ids[-len(self._ids) :])
        return tail == self._ids or self.text in self._tokenizer.decode(
            tail, skip_special_tokens=True
        )

    def length(self, ids: Sequence[int]) -> int | None:
        """Return how many ids there are up to and with the stop string; None without it."""
        lengths = range(1, len(ids) + 1)
        return next((length for length in lengths if self.is_reached(ids[:length])), None)
