"""vLLM against the transformers engine; run in vLLM's own environment (`make test-vllm`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from models.engines.engine import Decoding, EnginePrompt, GeneratedSequence
from models.engines.transformers_engine import TransformersEngine
from models.engines.vllm_engine import UnsupportedDecodingError, VllmEngine, why_not
from models.errors import InputError
from tests.models.random_models import language_model

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(find_spec("vllm") is None, reason="needs vLLM (make install-vllm)"),
    # vLLM's own imports warn of what will change in torch.
    pytest.mark.filterwarnings("ignore"),
]

FAMILIES = ["Llama", "Mistral", "Phi3", "Gemma", "Qwen2", "Qwen3"]
STOP_IDS = (5, 6)
VOCABULARY = 320
LENGTHS = (30, 77, 3, 150, 9)


def small_model(family: str, **settings: Any) -> Any:
    """A random model with heads of 32, the smallest that vLLM's kernels take."""
    if family in ("Gemma", "Qwen3"):
        settings["head_dim"] = 32
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 128, "intermediate_size": 192}
    return language_model(family, 0.15, num_hidden_layers=4, **sizes, **settings)


def prompts_of(*lengths: int) -> list[EnginePrompt]:
    generator = torch.Generator().manual_seed(sum(lengths))
    prompts = []
    for number, length in enumerate(lengths):
        ids = torch.randint(7, VOCABULARY, (length,), generator=generator).tolist()
        embeddings = torch.randn(length + 3, 128, generator=generator) * 0.15
        prompts.append(EnginePrompt([*ids[:2], -200, *ids[2:]], embeddings, f"study {number}"))
    return prompts


@contextmanager
def started(folder: Path, **settings: Any) -> Iterator[VllmEngine]:
    with closing(VllmEngine(folder, stop_ids=STOP_IDS, dtype="float32", **settings)) as engine:
        yield engine


def bare(sequences: list[list[GeneratedSequence]]) -> list[list[tuple[list[int], str]]]:
    return [[(s.token_ids, s.finish_reason) for s in several] for several in sequences]


def test_a_rotary_embedding_that_changes_with_the_length_is_that_of_short_texts(
    tmp_path: Path,
) -> None:
    factors = {"short_factor": [1.0] * 16, "long_factor": [3.0] * 16}
    model = small_model(
        "Phi3",
        rope_parameters={"rope_type": "longrope", "rope_theta": 1e4, **factors},
        original_max_position_embeddings=128,
    )
    model.save_pretrained(tmp_path)
    prompts, decoding = prompts_of(30, 77), Decoding(max_new_tokens=24)
    with started(tmp_path) as engine:
        expected = TransformersEngine(model, stop_ids=STOP_IDS).generate(prompts, decoding)
        assert bare(expected) == bare(engine.generate(prompts, decoding))
        with pytest.raises(InputError, match="max_model_len 128"):
            engine.generate(prompts_of(130), decoding)


@pytest.mark.parametrize("family", FAMILIES)
def test_greedy_ids_equal_those_of_the_transformers_engine(family: str, tmp_path: Path) -> None:
    model = small_model(family)
    model.save_pretrained(tmp_path)
    prompts = prompts_of(*LENGTHS)
    with started(tmp_path) as engine:
        for size in (0, 1, 3):
            decoding = Decoding(max_new_tokens=24, no_repeat_ngram_size=size)
            expected = TransformersEngine(model, stop_ids=STOP_IDS).generate(prompts, decoding)
            assert bare(expected) == bare(engine.generate(prompts, decoding))
            ends = sorted({one[0].token_ids[1] for one in expected})[:2]
            own = [replace(one, stop_ids=(ends[n % 2],)) for n, one in enumerate(prompts)]
            by_transformers = TransformersEngine(model, stop_ids=STOP_IDS).generate(own, decoding)
            assert bare(by_transformers) == bare(engine.generate(own, decoding))
        lengths = 2 * sum(len(prompt.embeddings) for prompt in prompts)
        assert (30, 3 * lengths) == (engine.usage.prompts, engine.usage.prompt_tokens)


def test_a_lora_adapter_gives_what_the_merged_model_gives(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    model = small_model("Llama")
    model.save_pretrained(tmp_path / "base")
    adapted = get_peft_model(
        model,
        LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"]),
    )
    torch.manual_seed(1)
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, 0, 0.2)
    adapted.save_pretrained(str(tmp_path / "adapter"))
    prompts, decoding = prompts_of(*LENGTHS), Decoding(max_new_tokens=16)
    merged = adapted.merge_and_unload()
    expected = TransformersEngine(merged, stop_ids=STOP_IDS).generate(prompts, decoding)
    with started(tmp_path / "base", lora=tmp_path / "adapter") as engine:
        assert bare(expected) == bare(engine.generate(prompts, decoding))


def test_two_workers_give_what_one_gives(tmp_path: Path) -> None:
    model = small_model("Qwen2")
    model.save_pretrained(tmp_path)
    prompts, decoding = prompts_of(*LENGTHS), Decoding(max_new_tokens=12, no_repeat_ngram_size=1)
    expected = TransformersEngine(model, stop_ids=STOP_IDS).generate(prompts, decoding)
    with started(tmp_path, tensor_parallel=2) as engine:
        assert bare(expected) == bare(engine.generate(prompts, decoding))


def test_settings_that_vllm_refuses_are_an_input_error(tmp_path: Path) -> None:
    small_model("Llama").save_pretrained(tmp_path)
    with pytest.raises(InputError, match="vLLM cannot run"), started(tmp_path, max_model_len=9999):
        pass


def test_a_dynamic_rotary_embedding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"rope_scaling": {"type": "dynamic", "factor": 2.0}}')
    with pytest.raises(InputError, match="of the type dynamic"), started(tmp_path):
        pass


def test_a_model_whose_heads_vllm_cannot_compute_is_an_input_error(tmp_path: Path) -> None:
    from tests.models.engines.tiny_models import tiny_model

    tiny_model("Llama").save_pretrained(tmp_path)
    with (
        pytest.raises(InputError, match=r"on this machine: .*head.*Use the engine transformers"),
        started(tmp_path),
    ):
        pass


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmEngine]:
    folder = tmp_path_factory.mktemp("llama")
    small_model("Llama").save_pretrained(folder)
    with started(folder) as engine:
        yield engine


SAMPLED = Decoding(temperature=1.0, top_p=0.9, num_return_sequences=3, max_new_tokens=16, seed=4)


def test_what_is_sampled_does_not_depend_on_the_batch(llama: VllmEngine) -> None:
    prompts = prompts_of(*LENGTHS)
    together = bare(llama.generate(prompts, SAMPLED))
    assert together == bare(llama.generate(prompts[::-1], SAMPLED))[::-1]
    for prompt, expected in zip(prompts, together, strict=True):
        assert [expected] == bare(llama.generate([prompt], SAMPLED))


def test_every_sequence_key_and_seed_is_another_draw(llama: VllmEngine) -> None:
    prompt = prompts_of(20)[0]
    draws = [
        sequence
        for prompts, decoding in (
            ([prompt, replace(prompt, key="another")], SAMPLED),
            ([prompt], replace(SAMPLED, seed=5)),
            ([prompt], replace(SAMPLED, seed=None)),
            ([prompt], replace(SAMPLED, seed=None)),
        )
        for sequences in bare(llama.generate(prompts, decoding))
        for sequence in sequences
    ]
    assert 15 == len({str(draw) for draw in draws})


def test_sampling_follows_the_probabilities_of_the_model(llama: VllmEngine) -> None:
    """One draw of 2,000 prompts against the transformers engine's: total variation."""
    prompt = prompts_of(12)[0]
    prompts = [replace(prompt, key=str(number)) for number in range(2000)]
    decoding = Decoding(temperature=0.7, top_k=5, max_new_tokens=1, seed=0)
    model = small_model("Llama")
    counts = torch.zeros(2, VOCABULARY)
    for row, engine in enumerate((llama, TransformersEngine(model, stop_ids=(), batch_size=500))):
        for sequences in engine.generate(prompts, decoding):
            counts[row, sequences[0].token_ids[0]] += 1 / len(prompts)
    assert 5 == int((counts[0] > 0).sum())
    assert 0.05 > float((counts[0] - counts[1]).abs().sum() / 2)


def test_a_ban_of_ngrams_holds_for_samples_and_their_prompt(llama: VllmEngine) -> None:
    prompt = prompts_of(40)[0]
    decoding = replace(SAMPLED, no_repeat_ngram_size=1, max_new_tokens=60, num_return_sequences=2)
    for sequence in llama.generate([prompt], decoding)[0]:
        seen = [*(i for i in prompt.ids if i >= 0), *sequence.token_ids]
        assert len(set(sequence.token_ids)) == len(sequence.token_ids)
        assert not set(sequence.token_ids) & set(seen[: len(prompt.ids) - 1])


def test_beams_are_refused_with_the_way_out(llama: VllmEngine) -> None:
    decoding = Decoding(num_beams=3)
    assert "goes to the transformers engine" in str(why_not(decoding))
    assert why_not(Decoding()) is None
    with pytest.raises(UnsupportedDecodingError, match="engine: transformers"):
        llama.generate(prompts_of(3), decoding)


@pytest.mark.parametrize(
    ("shape", "problem"),
    [((0, 128), "is empty"), ((4, 64), "64 numbers per token"), ((256, 128), "256 tokens")],
)
def test_a_prompt_that_cannot_be_read_is_named(
    llama: VllmEngine, shape: tuple[int, int], problem: str
) -> None:
    prompt = EnginePrompt([7], torch.zeros(shape), "study 9")
    with pytest.raises(InputError, match=f'Prompt "study 9" .*{problem}'):
        llama.generate([prompt], Decoding())


def test_a_sequence_ends_where_the_positions_do(llama: VllmEngine) -> None:
    (sequence,) = llama.generate(
        [EnginePrompt([7], torch.randn(250, 128) * 0.15)], Decoding(max_new_tokens=99)
    )[0]
    assert "length" == sequence.finish_reason
    assert 6 == len(sequence.token_ids)


def test_a_second_engine_in_a_process_is_refused(llama: VllmEngine, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Close it before the next"):
        VllmEngine(tmp_path, stop_ids=STOP_IDS)
    assert 1 == len(llama.generate(prompts_of(5), Decoding(max_new_tokens=1)))
