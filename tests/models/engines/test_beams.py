import pytest
import torch

from models.engines.engine import Decoding, GeneratedSequence
from models.engines.transformers_engine import TransformersEngine
from tests.models.engines.tiny_models import (
    FAMILIES,
    STOP_IDS,
    by_transformers,
    prompts_of,
    tiny_model,
)

LENGTHS = (14, 3, 21, 14, 8)


def _assert_same(expected: list[GeneratedSequence], found: list[GeneratedSequence]) -> None:
    assert [e.token_ids for e in expected] == [f.token_ids for f in found]
    assert [e.finish_reason for e in expected] == [f.finish_reason for f in found]
    assert [e.score for e in expected] == [pytest.approx(f.score, 1e-5, 1e-5) for f in found]


@pytest.mark.parametrize("beams", [3, 10])
@pytest.mark.parametrize("family", FAMILIES)
def test_batched_beams_equal_those_of_transformers_for_each_study_alone(
    family: str, beams: int
) -> None:
    model = tiny_model(family)
    prompts = prompts_of(model, *LENGTHS)
    for stop_ids in (STOP_IDS, STOP_IDS[:1]):
        engine = TransformersEngine(model, stop_ids=stop_ids, batch_size=3)
        decoding = Decoding(
            num_beams=beams,
            num_return_sequences=beams,
            length_penalty=2.0 if stop_ids == STOP_IDS else 1.0,
            max_new_tokens=18,
            no_repeat_ngram_size=3,
        )
        for prompt, found in zip(prompts, engine.generate(prompts, decoding), strict=True):
            _assert_same(by_transformers(model, prompt, decoding, stop_ids), found)


@pytest.mark.parametrize("penalty", [-1.0, 0.0, 0.5, 1.0, 2.0])
def test_every_length_penalty_scores_as_transformers_does(penalty: float) -> None:
    model = tiny_model("Llama")
    prompts = prompts_of(model, 5, 9)
    decoding = Decoding(
        num_beams=3, num_return_sequences=2, length_penalty=penalty, max_new_tokens=25
    )
    found = TransformersEngine(model, stop_ids=STOP_IDS).generate(prompts, decoding)
    for prompt, sequences in zip(prompts, found, strict=True):
        _assert_same(by_transformers(model, prompt, decoding), sequences)


@pytest.mark.parametrize("limit", [1, 2, 70])
def test_short_and_long_limits_score_as_transformers_does(limit: int) -> None:
    model = tiny_model("Qwen3")
    prompts = prompts_of(model, 6, 4)
    decoding = Decoding(num_beams=4, length_penalty=2.0, max_new_tokens=limit)
    found = TransformersEngine(model, stop_ids=STOP_IDS).generate(prompts, decoding)
    for prompt, sequences in zip(prompts, found, strict=True):
        _assert_same(by_transformers(model, prompt, decoding), sequences)


def test_both_ways_of_ending_occur_among_the_beams_tested_here() -> None:
    reasons = set()
    for family in FAMILIES:
        model = tiny_model(family)
        engine = TransformersEngine(model, stop_ids=STOP_IDS)
        decoding = Decoding(num_beams=10, num_return_sequences=10, max_new_tokens=18)
        found = engine.generate(prompts_of(model, *LENGTHS), decoding)
        reasons |= {(family, s.finish_reason) for sequences in found for s in sequences}
    assert {(family, reason) for family in FAMILIES for reason in ("stop", "length")} == reasons


def test_without_stop_ids_all_beams_run_to_the_limit() -> None:
    model = tiny_model("Llama")
    decoding = Decoding(num_beams=3, num_return_sequences=3, max_new_tokens=7)
    found = TransformersEngine(model, stop_ids=[]).generate(prompts_of(model, 4), decoding)
    assert [(7, "length")] * 3 == [(len(s.token_ids), s.finish_reason) for s in found[0]]
    assert torch.is_inference_mode_enabled() is False
