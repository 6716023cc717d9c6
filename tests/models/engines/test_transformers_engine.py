import logging
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from models.engines.engine import Decoding, EnginePrompt
from models.engines.transformers_engine import TransformersEngine
from models.errors import InputError
from tests.models.engines.tiny_models import FAMILIES, STOP_IDS, prompts_of, tiny_model

BEAMS = Decoding(
    num_beams=4, length_penalty=2.0, max_new_tokens=15, no_repeat_ngram_size=3,
    num_return_sequences=2,
)  # fmt: skip
LENGTHS = (11, 3, 19, 4, 11, 8, 14)


def _ids(engine: TransformersEngine, prompts: list[EnginePrompt], how: Decoding) -> Any:
    return [[s.token_ids for s in found] for found in engine.generate(prompts, how)]


@pytest.mark.parametrize("decoding", [BEAMS, Decoding(max_new_tokens=15)])
@pytest.mark.parametrize("family", FAMILIES)
def test_ids_do_not_depend_on_the_batch_size(family: str, decoding: Decoding) -> None:
    model = tiny_model(family)
    prompts = prompts_of(model, *LENGTHS)
    one, three, sixteen = (
        _ids(TransformersEngine(model, stop_ids=STOP_IDS, batch_size=size), prompts, decoding)
        for size in (1, 3, 16)
    )
    assert one == three
    assert one == sixteen


class _SmallMemory(torch.nn.Module):
    """A language model that runs out of memory above a number of rows."""

    def __init__(self, inner: Any, rows: int, error: Exception) -> None:
        super().__init__()
        self.inner, self.rows, self.error = inner, rows, error
        self.config, self.device, self.dtype = inner.config, inner.device, inner.dtype
        self.get_input_embeddings = inner.get_input_embeddings

    def forward(self, **inputs: Any) -> Any:
        if len(inputs["position_ids"]) > self.rows:
            raise self.error
        return self.inner(**inputs)


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory."),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_out_of_memory_halves_the_batch_and_goes_on(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    model = tiny_model("Llama")
    prompts = prompts_of(model, *LENGTHS)
    expected = _ids(TransformersEngine(model, stop_ids=STOP_IDS), prompts, BEAMS)
    small = _SmallMemory(model, rows=8, error=error)
    engine = TransformersEngine(small, stop_ids=STOP_IDS, batch_size=6)
    with caplog.at_level(logging.WARNING, logger="models.engines"):
        assert expected == _ids(engine, prompts, BEAMS)
    messages = [record.getMessage() for record in caplog.records]
    assert ["Memory ran out with 6 prompts in a batch: going on with 3.",
            "Memory ran out with 3 prompts in a batch: going on with 1."] == messages  # fmt: skip
    assert (1, 2) == (engine.batch_size, engine.usage.halvings)


def test_a_prompt_that_does_not_fit_alone_says_what_to_lower() -> None:
    model = tiny_model("Llama")
    small = _SmallMemory(model, rows=3, error=OUT_OF_MEMORY[0])
    engine = TransformersEngine(small, stop_ids=STOP_IDS)
    with pytest.raises(InputError, match=r'"study 0" of 9 tokens .* Lower num_beams'):
        engine.generate(prompts_of(model, 6), BEAMS)


def test_other_errors_of_the_model_are_not_taken_for_a_lack_of_memory() -> None:
    model = tiny_model("Llama")
    broken = _SmallMemory(model, rows=0, error=RuntimeError("shapes do not fit"))
    engine = TransformersEngine(broken, stop_ids=STOP_IDS)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        engine.generate(prompts_of(model, 6), BEAMS)
    assert 0 == engine.usage.halvings


def test_the_attention_of_the_model_is_as_before_afterwards_and_after_an_error() -> None:
    model = tiny_model("Llama")
    before = model.config._attn_implementation
    engine = TransformersEngine(model, stop_ids=STOP_IDS)
    stream = engine.stream(prompts_of(model, 6)[0], Decoding())
    next(stream)
    assert before == model.config._attn_implementation
    with pytest.raises(InputError):
        engine.generate([_not_finite(model)], BEAMS)
    assert before == model.config._attn_implementation


def _not_finite(model: Any) -> EnginePrompt:
    prompt = prompts_of(model, 6)[0]
    return replace(prompt, embeddings=prompt.embeddings * torch.nan, key="study 7")


def test_logits_that_are_not_finite_are_an_error_that_names_the_study() -> None:
    model = tiny_model("Llama")
    engine = TransformersEngine(model, stop_ids=STOP_IDS)
    with pytest.raises(InputError, match=r'not finite \(Prompt "study 7"\) after 0 new tokens'):
        engine.generate([*prompts_of(model, 6, 4), _not_finite(model)], Decoding())


def test_a_prompt_longer_than_the_positions_is_an_error() -> None:
    model = tiny_model("Llama")
    with pytest.raises(InputError, match='"study 0" has 65 tokens, the language model 64'):
        TransformersEngine(model, stop_ids=STOP_IDS).generate(prompts_of(model, 62), BEAMS)


def test_a_prompt_of_another_width_is_an_error() -> None:
    model = tiny_model("Llama")
    prompt = EnginePrompt([1, 2], torch.zeros(2, 16), "s1")
    with pytest.raises(InputError, match='"s1" has 16 numbers per token, the language model 32'):
        TransformersEngine(model, stop_ids=STOP_IDS).generate([prompt], BEAMS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_beams": 3, "num_return_sequences": 4}, "num_return_sequences 4 is more than"),
        ({"num_return_sequences": 2}, "would be the same text"),
        ({"temperature": -0.1}, "temperature -0.1 is negative"),
        ({"temperature": 1.0, "top_p": 0.0}, "top_p 0.0 is outside"),
        ({"max_new_tokens": 0}, "start at 1"),
        ({"temperature": math.inf}, "temperature inf is no finite number"),
        ({"length_penalty": math.nan}, "length_penalty nan is no finite number"),
        ({"length_penalty": -math.inf, "num_beams": 2}, "length_penalty -inf is no finite"),
        ({"length_penalty": 300.0, "num_beams": 2}, "length_penalty 300.0 makes the scores"),
    ],
)
def test_settings_that_contradict_each_other_are_an_error(
    changes: dict[str, Any], message: str
) -> None:
    engine = TransformersEngine(tiny_model("Llama"), stop_ids=STOP_IDS)
    with pytest.raises(InputError, match=message):
        engine.generate([], Decoding(**changes))


def test_beams_cannot_be_streamed() -> None:
    model = tiny_model("Llama")
    engine = TransformersEngine(model, stop_ids=STOP_IDS)
    with pytest.raises(InputError, match="Only one sequence without beams"):
        next(engine.stream(prompts_of(model, 6)[0], BEAMS))


def test_attention_that_caps_its_scores_is_refused() -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(
        vocab_size=11, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=1, num_key_value_heads=1, head_dim=8,
    )  # fmt: skip
    with pytest.raises(InputError, match="caps its attention scores"):
        TransformersEngine(Gemma2ForCausalLM(config), stop_ids=[])


def test_a_model_without_the_attention_interface_is_refused() -> None:
    from transformers import BloomConfig, BloomForCausalLM

    config = BloomConfig(vocab_size=11, hidden_size=8, n_layer=1, n_head=2)
    with pytest.raises(InputError, match="does not use transformers' attention interface"):
        TransformersEngine(BloomForCausalLM(config), stop_ids=[])


def test_a_length_at_which_the_rotary_embedding_changes_is_refused() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=41, hidden_size=32, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=24, eos_token_id=None, bos_token_id=None,
        rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0},
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    engine = TransformersEngine(model, stop_ids=[])
    prompts = prompts_of(tiny_model("Llama"), 7)
    assert 14 == len(engine.generate(prompts, Decoding(max_new_tokens=14))[0][0].token_ids)
    with pytest.raises(InputError, match="Set max_new_tokens to at most 14"):
        engine.generate(prompts, Decoding(max_new_tokens=15))


def test_usage_counts_prompts_tokens_and_seconds() -> None:
    model = tiny_model("Llama")
    engine = TransformersEngine(model, stop_ids=[])
    prompts = prompts_of(model, 6, 4)
    engine.generate(prompts, Decoding(max_new_tokens=5))
    list(engine.stream(prompts[0], Decoding(max_new_tokens=3)))
    assert (3, 13) == (engine.usage.prompts, engine.usage.tokens)
    assert 0 < engine.usage.seconds < 60
    assert 10_000_000 < engine.peak_memory_bytes()


def test_no_prompts_give_no_sequences() -> None:
    assert [] == TransformersEngine(tiny_model("Llama"), stop_ids=[]).generate([], BEAMS)


@pytest.mark.parametrize("family", ["Llama", "Gemma"])
def test_half_precision_models_decode(family: str) -> None:
    model = tiny_model.__wrapped__(family).to(torch.bfloat16)
    found = TransformersEngine(model, stop_ids=STOP_IDS).generate(prompts_of(model, 6, 3), BEAMS)
    assert [2, 2] == [len(sequences) for sequences in found]


@pytest.mark.parametrize("decoding", [BEAMS, Decoding(max_new_tokens=12)])
def test_prompts_may_bring_end_tokens_of_their_own(decoding: Decoding) -> None:
    model = tiny_model("Llama")
    prompts = prompts_of(model, 6, 9, 4, 7)
    engine = TransformersEngine(model, stop_ids=[])
    usual = [found[0].token_ids for found in engine.generate(prompts, decoding)]
    ends = [(), (usual[1][2],), (), (usual[3][1],)]
    own = [replace(prompt, stop_ids=end) for prompt, end in zip(prompts, ends, strict=True)]
    expected = [
        TransformersEngine(model, stop_ids=end).generate([prompt], decoding)
        for prompt, end in zip(prompts, ends, strict=True)
    ]
    found = engine.generate(own, decoding)
    assert [one[0][0].token_ids for one in expected] == [one[0].token_ids for one in found]
    assert usual != [one[0].token_ids for one in found]


@pytest.mark.parametrize(("key", "named"), [("", "The prompt has 62"), ("s1", 'Prompt "s1" has')])
def test_a_prompt_without_a_key_is_not_named_by_it(key: str, named: str) -> None:
    model = tiny_model("Llama")
    (prompt,) = prompts_of(model, 62)
    with pytest.raises(InputError, match=named.replace("62", "65")):
        TransformersEngine(model, stop_ids=[]).generate([replace(prompt, key=key)], BEAMS)


@pytest.mark.parametrize("penalty", [-20.0, 20.0])
def test_scores_stay_finite_under_any_length_penalty_that_is_taken(penalty: float) -> None:
    model = tiny_model("Llama")
    decoding = replace(BEAMS, length_penalty=penalty)
    (found,) = TransformersEngine(model, stop_ids=STOP_IDS).generate(prompts_of(model, 5), decoding)
    assert all(one.score is not None and math.isfinite(one.score) for one in found)
