"""The engine that decodes with vLLM: greedy decoding and sampling of prompt embeddings.

Tower and projector run in torch; vLLM gets each prompt as embeddings, and knows nothing of images.
"""

from __future__ import annotations

import gc
import hashlib
import os
import secrets
import time
import weakref
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from models.engines.checks import check_decoding, prompt_name
from models.engines.engine import Decoding, Engine, EnginePrompt, GeneratedSequence, Usage
from models.errors import InputError, MissingError
from models.libra.config import read_json

_ENVIRONMENT = {
    # One process, so that seeded sampling repeats and the model's memory is freed with the engine.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    # The ban of n-grams is written for this runner's interface.
    "VLLM_USE_V2_MODEL_RUNNER": "0",
    # vLLM reports its use to its makers unless told not to.
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_CPU_KVCACHE_SPACE": "4",
}


_running: list[weakref.ref[VllmEngine]] = []


class UnsupportedDecodingError(InputError):
    """vLLM cannot decode like this; the transformers engine can."""


def why_not(decoding: Decoding) -> str | None:
    """Return why vLLM cannot decode with these settings; None if it can."""
    if decoding.num_beams > 1:
        return (
            f"vLLM has no beam search over prompt embeddings, so num_beams "
            f"{decoding.num_beams} goes to the transformers engine"
        )
    return None


def check_installed() -> None:
    """Raise MissingError if vLLM is not installed here."""
    if find_spec("vllm") is None:
        raise MissingError(
            "The engine vllm needs the package vllm, which brings its own torch: install it in an "
            "environment of its own, with `make install-vllm` on a CPU or "
            '`pip install "cxr-harness[vllm]"` on a GPU. The engine transformers needs neither.'
        )


class VllmEngine(Engine):
    """Greedy decoding and sampling with vLLM's batching and paged cache.

    The first engine sets the environment variables of ``_ENVIRONMENT`` that are not set already.
    vLLM's CPU cache takes ``VLLM_CPU_KVCACHE_SPACE`` GiB, 4 if unset.

    Parameters
    ----------
    language_model
        A folder in transformers' layout, without other tensors
        (`models.libra.plain_language_model`).
    stop_ids
        Ids that end a sequence, beside those of its prompt; those of the folder's own settings do
        not count.
    dtype
        ``float32``, ``float16`` or ``bfloat16``; ``auto`` is what the folder's settings say, with
        float16 for float32.
    tensor_parallel
        GPUs to spread the language model over.
    lora
        Folder of a PEFT adapter to apply to every prompt.
    max_model_len
        Most tokens of a prompt and its answer together; None is what the model allows and the
        cache can hold, without a change of its rotary embedding.
    gpu_memory_utilization
        Share of a GPU's memory for vLLM. The tower has to fit into the rest.
    """

    def __init__(
        self,
        language_model: Path,
        *,
        stop_ids: Sequence[int],
        dtype: str = "auto",
        tensor_parallel: int = 1,
        lora: Path | None = None,
        max_model_len: int | None = None,
        gpu_memory_utilization: float = 0.85,
    ) -> None:
        check_installed()
        _refuse_a_second()
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._stop_ids = list(dict.fromkeys(stop_ids))
        self._lora = None if lora is None else _lora_request(lora)
        self._llm = _start(
            str(language_model),
            dtype=dtype,
            tensor_parallel_size=tensor_parallel,
            max_model_len=_most_tokens(language_model, max_model_len),
            gpu_memory_utilization=gpu_memory_utilization,
            **({} if lora is None else _lora_settings(lora)),
        )
        self.usage = Usage()
        _running.append(weakref.ref(self))
        self._try_out(language_model)

    def generate(
        self, prompts: Sequence[EnginePrompt], decoding: Decoding
    ) -> list[list[GeneratedSequence]]:
        """Return ``num_return_sequences`` sequences per prompt, in the prompts' order.

        What is sampled depends on the seed, the prompt's key and the sequence's number, but is not
        what the transformers engine samples. A sequence also ends, with the reason ``length``,
        where ``max_model_len`` is reached.

        Raises
        ------
        UnsupportedDecodingError
            With beams.
        InputError
            Settings that contradict each other, or a prompt that the model cannot read.
        """
        check_decoding(decoding)
        reason = why_not(decoding)
        if reason is not None:
            raise UnsupportedDecodingError(f"{reason}. Set `engine: transformers`.")
        for prompt in prompts:
            self._check(prompt)
        start = time.perf_counter()
        seed = secrets.randbits(63) if decoding.seed is None else decoding.seed
        dtype = self._llm.model_config.dtype
        outputs = self._llm.generate(
            [{"prompt_embeds": prompt.embeddings.detach().to("cpu", dtype)} for prompt in prompts],
            [self._sampling(prompt, decoding, seed) for prompt in prompts],
            lora_request=self._lora,
            use_tqdm=False,
        )
        results = [[_sequence(one) for one in output.outputs] for output in outputs]
        self.usage.prompts += len(prompts)
        self.usage.prompt_tokens += sum(len(prompt.embeddings) for prompt in prompts)
        self.usage.tokens += sum(len(s.token_ids) for sequences in results for s in sequences)
        self.usage.seconds += time.perf_counter() - start
        return results

    def close(self) -> None:
        """Stop vLLM and give its memory back; the engine cannot be used any more."""
        import torch

        self._llm.llm_engine.engine_core.shutdown()
        del self._llm
        _running.clear()
        gc.collect()
        torch.cuda.empty_cache()

    def _try_out(self, language_model: Path) -> None:
        """Decode one token: the first run is slow, and shows whether vLLM's kernels fit."""
        import torch

        width = self._llm.model_config.get_hidden_size()
        prompt = EnginePrompt([0], torch.zeros(1, width), "a trial")
        try:
            self.generate([prompt], Decoding(max_new_tokens=1))
        except RuntimeError as error:
            self.close()
            raise InputError(
                f"vLLM cannot run {language_model} on this machine: {error}. "
                "Use the engine transformers."
            ) from error
        self.usage = Usage()

    def _check(self, prompt: EnginePrompt) -> None:
        length, width = prompt.embeddings.shape
        config = self._llm.model_config
        where = prompt_name(prompt)
        if not length:
            raise InputError(f"{where} is empty. Give at least one token.")
        if width != config.get_hidden_size():
            raise InputError(
                f"{where} has {width} numbers per token, the language model "
                f"{config.get_hidden_size()}. Take the projector that was trained with it."
            )
        if length >= config.max_model_len:
            raise InputError(
                f"{where} has {length} tokens, which leaves none of max_model_len "
                f"{config.max_model_len} for the answer. Raise it, or shorten the prompt."
            )

    def _sampling(self, prompt: EnginePrompt, decoding: Decoding, seed: int) -> Any:
        from vllm import SamplingParams

        from models.engines import vllm_ngrams

        is_sampled = decoding.temperature > 0
        size = decoding.no_repeat_ngram_size
        ban = {vllm_ngrams.SETTING: {"size": size, "prompt_ids": list(prompt.ids)}}
        return SamplingParams(
            n=decoding.num_return_sequences,
            temperature=decoding.temperature,
            top_p=decoding.top_p if is_sampled and decoding.top_p is not None else 1.0,
            top_k=decoding.top_k if is_sampled and decoding.top_k is not None else 0,
            seed=_request_seed(seed, prompt.key) if is_sampled else None,
            max_tokens=decoding.max_new_tokens,
            ignore_eos=True,
            stop_token_ids=[*self._stop_ids, *prompt.stop_ids],
            detokenize=False,
            extra_args=ban if size else None,
        )


def _most_tokens(folder: Path, wanted: int | None) -> int:
    """Return vLLM's ``max_model_len``; -1 is all that fits.

    transformers changes the rotary embedding of some models where a text grows long, vLLM for all
    texts where one may grow long: above that length the engines' texts would differ.
    """
    settings = read_json(folder / "config.json")
    rotary = settings.get("rope_parameters") or settings.get("rope_scaling") or {}
    kind = rotary.get("rope_type", rotary.get("type"))
    if kind == "dynamic":
        raise InputError(
            f"{folder} has a rotary embedding of the type dynamic, which vLLM computes otherwise "
            "than transformers. Use the engine transformers."
        )
    if wanted is not None:
        return wanted
    if kind not in ("longrope", "su"):
        return -1
    name = "original_max_position_embeddings"
    return int(settings.get(name) or rotary.get(name) or -1)


def _refuse_a_second() -> None:
    if any(one() is not None for one in _running):
        raise InputError(
            "A vLLM engine is running in this process already, and vLLM's parts for a whole "
            "process allow one at a time. Close it before the next is started."
        )


def _request_seed(seed: int, key: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{key}".encode()).digest()[:8], "little") >> 1


def _sequence(output: Any) -> GeneratedSequence:
    return GeneratedSequence(list(output.token_ids), str(output.finish_reason))


def _start(folder: str, **settings: Any) -> Any:
    import vllm
    from vllm.platforms import current_platform

    try:
        return vllm.LLM(
            folder,
            enable_prompt_embeds=True,
            skip_tokenizer_init=True,
            # What a prompt shares with one before it would be read in other pieces: other rounding.
            enable_prefix_caching=False,
            enforce_eager=current_platform.is_cpu(),
            generation_config="vllm",
            logits_processors=["models.engines.vllm_ngrams:RepeatedNgrams"],
            **settings,
        )
    except ValueError as error:
        raise InputError(f"vLLM cannot run {folder} with these settings: {error}") from error


def _lora_request(folder: Path) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest("adapter", 1, str(folder))


def _lora_settings(folder: Path) -> dict[str, Any]:
    rank = int(read_json(folder / "adapter_config.json")["r"])
    # vLLM takes ranks of this list only, and a smaller adapter under a larger one.
    allowed = (8, 16, 32, 64, 128, 256, 320, 512)
    fitting = next((one for one in allowed if one >= rank), None)
    if fitting is None:
        raise InputError(f"{folder} has rank {rank}, but vLLM takes at most {allowed[-1]}.")
    return {"enable_lora": True, "max_lora_rank": fitting}
