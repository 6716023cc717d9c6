"""The ban of repeated n-grams as vLLM takes it: a logits processor that it loads by name.

This module imports vLLM: only `vllm_engine` names it, and vLLM's workers import it.
"""

from __future__ import annotations

from vllm import SamplingParams
from vllm.v1.sample.logits_processor import AdapterLogitsProcessor

from models.engines.ngram_ban import NgramBan

SETTING = "cxr_harness_no_repeat_ngrams"
"""The request's extra argument: ``{"size": n, "prompt_ids": [...]}``.

vLLM sees embeddings, and not the prompt's ids, so the request brings them along.
"""


class RepeatedNgrams(AdapterLogitsProcessor):  # type: ignore[misc]
    """Hands each request that asks for it a ban of its own."""

    def is_argmax_invariant(self) -> bool:
        """Say that greedy decoding needs it too."""
        return False

    def new_req_logits_processor(self, params: SamplingParams) -> NgramBan | None:
        """Return the request's ban, if it asks for one."""
        setting = (params.extra_args or {}).get(SETTING)
        return None if setting is None else NgramBan(setting["size"], setting["prompt_ids"])
