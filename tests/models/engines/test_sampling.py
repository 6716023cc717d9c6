from dataclasses import replace

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from models.engines.engine import Decoding, EnginePrompt
from models.engines.sampling import choose, uniform_draws
from models.engines.transformers_engine import TransformersEngine
from models.errors import InputError
from tests.models.engines.tiny_models import STOP_IDS, by_transformers, prompts_of, tiny_model

SAMPLING = Decoding(temperature=0.8, top_p=0.9, top_k=20, max_new_tokens=12, seed=3)


@settings(max_examples=100, deadline=None)
@given(
    scores=st.lists(st.integers(-6, 6), min_size=2, max_size=12),
    temperature=st.sampled_from([0.3, 1.0, 2.0]),
    top_k=st.sampled_from([None, 0, 1, 3, 50]),
    top_p=st.sampled_from([None, 0.05, 0.5, 0.93, 1.0]),
)
def test_what_can_be_drawn_and_how_often_is_that_of_transformers(
    scores: list[int], temperature: float, top_k: int | None, top_p: float | None
) -> None:
    # Two thirds apart, so that no cumulative probability falls onto a top_p by symmetry.
    logits = torch.tensor([scores], dtype=torch.float64) * 0.667
    warped = transformers.TemperatureLogitsWarper(temperature)(None, logits)
    if top_k:
        warped = transformers.TopKLogitsWarper(top_k)(None, warped)
    ties = len(set(scores)) < len(scores)
    if top_p is not None and top_p < 1:
        if ties:
            return
        warped = transformers.TopPLogitsWarper(top_p)(None, warped)
    expected = warped.softmax(dim=-1)[0]
    draws = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    decoding = Decoding(temperature=temperature, top_k=top_k, top_p=top_p)
    chosen = choose(logits.expand(len(draws), -1), draws, decoding)
    shares = torch.bincount(chosen, minlength=len(scores)) / len(draws)
    assert expected.tolist() == pytest.approx(shares.tolist(), abs=2e-4)


def test_extreme_draws_stay_among_the_ids_that_are_kept() -> None:
    scores = torch.tensor([[0.0, 2.0, 1.0, -1.0]]).expand(2, -1)
    draws = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    chosen = choose(scores, draws, Decoding(temperature=1.0, top_k=2))
    assert [1, 2] == chosen.tolist()


def test_draws_depend_on_seed_key_number_and_step_only() -> None:
    prompts = [EnginePrompt([1], torch.zeros(1, 1), key) for key in "abc"]
    draws = uniform_draws(prompts, replace(SAMPLING, num_return_sequences=2))
    assert (3, 2, 12) == draws.shape
    fewer = uniform_draws(prompts[1:2], replace(SAMPLING, max_new_tokens=5))
    assert draws[1, 0, :5].tolist() == fewer[0, 0].tolist()
    assert 72 == draws.unique().numel()
    other = uniform_draws(prompts, replace(SAMPLING, seed=4))
    assert not set(other.flatten().tolist()) & set(draws.flatten().tolist())


def test_without_a_seed_every_call_draws_anew() -> None:
    prompts = [EnginePrompt([1], torch.zeros(1, 1))]
    unseeded = replace(SAMPLING, seed=None)
    assert uniform_draws(prompts, unseeded).tolist() != uniform_draws(prompts, unseeded).tolist()


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_samples_do_not_depend_on_the_batch(batch_size: int) -> None:
    model = tiny_model("Qwen2")
    prompts = prompts_of(model, 5, 12, 3, 9, 5, 7)
    decoding = replace(SAMPLING, num_return_sequences=3)
    engine = TransformersEngine(model, stop_ids=STOP_IDS, batch_size=batch_size)
    found = engine.generate(prompts, decoding)
    alone = [engine.generate([prompt], decoding)[0] for prompt in prompts]
    assert alone == found
    assert 18 == len({tuple(s.token_ids) for sequences in found for s in sequences})


def test_the_first_sample_is_the_same_when_more_are_asked_for() -> None:
    model = tiny_model("Llama")
    engine = TransformersEngine(model, stop_ids=STOP_IDS)
    prompts = prompts_of(model, 6)
    three = engine.generate(prompts, replace(SAMPLING, num_return_sequences=3))[0]
    assert three[:1] == engine.generate(prompts, SAMPLING)[0]


@pytest.mark.parametrize("size", [0, 2])
@pytest.mark.parametrize("family", ["Llama", "Mistral", "Gemma"])
def test_greedy_equals_transformers_for_each_study_alone(family: str, size: int) -> None:
    model = tiny_model(family)
    prompts = prompts_of(model, 4, 17, 9)
    decoding = Decoding(max_new_tokens=20, no_repeat_ngram_size=size)
    found = TransformersEngine(model, stop_ids=STOP_IDS).generate(prompts, decoding)
    assert [by_transformers(model, prompt, decoding) for prompt in prompts] == found


@pytest.mark.parametrize("decoding", [SAMPLING, Decoding(max_new_tokens=12)])
def test_streamed_ids_are_those_of_generate(decoding: Decoding) -> None:
    model = tiny_model("Phi3")
    engine = TransformersEngine(model, stop_ids=STOP_IDS)
    for prompt in prompts_of(model, 8, 3, 5):
        expected = engine.generate([prompt], decoding)[0][0].token_ids
        streamed = []
        for token in engine.stream(prompt, decoding):
            assert not torch.is_inference_mode_enabled()
            streamed.append(token)
        assert expected == streamed


def test_a_ban_that_leaves_no_id_is_an_error() -> None:
    model = tiny_model("Llama")
    decoding = Decoding(max_new_tokens=60, no_repeat_ngram_size=1)
    with pytest.raises(InputError, match="no_repeat_ngram_size 1 bans every id"):
        TransformersEngine(model, stop_ids=[]).generate(prompts_of(model, 4), decoding)
