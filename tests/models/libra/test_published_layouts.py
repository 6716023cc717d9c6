"""Whole models against what X-iZhang/Libra @0d6c56a made of the same files."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.engines.engine import Decoding
from models.libra.encoding import ImagePair
from models.libra.endings import Ending
from models.libra.reporter import Question, Report
from tests.models.libra.golden_models import LAYOUTS, case, expected, image, reporter, tensors

SETTINGS = ("greedy", "greedy_ngram3", "beam3", "beam10")
CASES = ("c1", "c2", "c3", "c4", "c6", "c7")


def decoding_of(name: str, arguments: dict[str, Any], sequences: int = 1) -> dict[str, Any]:
    return {
        "num_beams": arguments["num_beams"],
        "length_penalty": arguments.get("length_penalty", 1.0),
        "no_repeat_ngram_size": 0 if name == "greedy" else 3,
        "max_new_tokens": arguments["max_new_tokens"],
        "num_return_sequences": sequences,
    }


def reports(layout: str, one: dict[str, Any], setting: str) -> list[Report]:
    made = one["generation"][setting]
    current, *prior = one["images"]
    return reporter(layout).report(
        image(current),
        image(prior[0]) if prior else None,
        prompt=one["query"],
        template=one["conv_mode"],
        **decoding_of(setting, made["args"], len(made.get("beams", [0]))),
    )


def question(layout: str, one: dict[str, Any]) -> Question:
    model = reporter(layout)
    pixels = [model.preprocess(image(name)) for name in one["images"]]
    return Question(
        ImagePair(pixels[0], pixels[1] if pixels[1:] else None),
        [("user", one["query"])],
        key=one["id"],
        template=one["conv_mode"],
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["c1", "c2"])
def test_projected_features_and_first_logits_equal_the_original(layout: str, name: str) -> None:
    model, one = reporter(layout), case(layout, name)
    asked = question(layout, one)
    (image_embeddings,) = model.encoder.embeddings([asked.images])
    embeddings = model.model.embed_prompt(one["prompt_ids"], image_embeddings)
    with torch.inference_mode():
        logits = model.model.language_model(inputs_embeds=embeddings[None]).logits[0, -1]
    golden = tensors(layout)
    assert one["n_image_tokens"] == len(image_embeddings)
    assert one["spliced_length"] == len(embeddings)
    np.testing.assert_allclose(
        golden[f"{one['id']}.projected"][0], image_embeddings.numpy(), rtol=0, atol=2e-4
    )
    np.testing.assert_allclose(
        golden[f"{one['id']}.first_logits"], logits.numpy(), rtol=0, atol=2e-4
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_prompts_and_their_ids_equal_the_original(layout: str) -> None:
    from models.libra.prompts import tokenize

    model = reporter(layout)
    for one in expected(layout)["cases"]:
        prompt = model.prompt_text(question(layout, one))
        assert one["prompt"] == prompt
        assert one["prompt_ids"] == tokenize(prompt, model.tokenizer.tokenizer)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_ids_texts_and_scores_equal_the_original(layout: str, setting: str) -> None:
    for name in CASES:
        one = case(layout, name)
        golden, made = one["generation"][setting], reports(layout, one, setting)
        assert golden["text"] == made[0].text
        assert golden["ids"] == made[0].token_ids
        if "beams" in golden:
            assert [beam["ids"] for beam in golden["beams"]] == [one.token_ids for one in made]
            np.testing.assert_allclose(
                [beam["score"] for beam in golden["beams"]],
                [one.score for one in made],
                rtol=1e-4,
                atol=1e-5,
            )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_16_bit_images_read_as_the_same_picture_with_8_bits(layout: str) -> None:
    """The original clips them at 255 (case c5 records that)."""
    eight = case(layout, "c6")
    sixteen = {**eight, "images": case(layout, "c5")["images"]}
    assert "cur_16bit.png" == sixteen["images"][0]
    assert "cur_16bit_as8.png" == eight["images"][0]
    for setting in ("greedy", "beam3"):
        expected_ids = eight["generation"][setting]["ids"]
        assert expected_ids == reports(layout, sixteen, setting)[0].token_ids


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("setting", ["greedy_ngram3", "beam3"])
def test_a_batch_equals_the_original_s_single_runs(layout: str, setting: str) -> None:
    """The original's own batch may go on with a row that a single run would have stopped."""
    batch = expected(layout)["batch_of_two"]
    model = reporter(layout)
    rows = [
        {"id": str(row), "images": images, "query": batch["query"], "conv_mode": None}
        for row, images in enumerate(batch["images"])
    ]
    golden = batch["generation"][setting]
    decoding = Decoding(**decoding_of(setting, golden["args"]))
    made = model.reports([question(layout, row) for row in rows], decoding)
    assert golden["texts_of_single_runs"] == [found[0].text for found in made]


@pytest.mark.parametrize(
    ("layout", "setting"),
    [("full", "beam3"), ("full_3b", "greedy_ngram3"), ("llavamed_mistral", "beam3")],
)
def test_ids_do_not_depend_on_the_batch_size(layout: str, setting: str) -> None:
    model, cases = reporter(layout), expected(layout)["cases"]
    questions = [question(layout, one) for one in cases]
    golden = cases[0]["generation"][setting]
    decoding = Decoding(**decoding_of(setting, golden["args"]))
    engine: Any = model.engines.for_decoding(decoding)
    usual = engine.batch_size
    found = []
    try:
        for engine.batch_size in (1, 3, 16):
            made = model.reports(questions, decoding)
            found.append([one[0].token_ids for one in made])
    finally:
        engine.batch_size = usual
    assert found[0] == found[1] == found[2]
    assert golden["ids"] == found[0][0]


@pytest.mark.parametrize("layout", ["full", "full_3b", "medcxrgen"])
def test_streamed_pieces_make_the_report(layout: str) -> None:
    model = reporter(layout)
    for one in expected(layout)["cases"]:
        decoding = Decoding(**decoding_of("greedy", one["generation"]["greedy"]["args"]))
        pieces = list(model.stream(question(layout, one), decoding))
        assert model.reports([question(layout, one)], decoding)[0][0].text == "".join(pieces)
        assert all(pieces)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from([" it", " 's", " n't", " .", " '", "\n", "é", "?", " ", "#", "###"])),
    st.sampled_from(["", "###"]),
)
def test_streamed_pieces_make_any_text(parts: list[str], end: str) -> None:
    """Joined apostrophes, bytes of one character and cut stop strings included."""
    model = reporter("full_3b")
    asked = replace(question("full_3b", case("full_3b", "c1")), template="v0")
    ids = model.tokenizer.tokenizer("".join(parts) + end, add_special_tokens=False).input_ids
    engine: Any = model.engines.for_decoding(Decoding())
    engine.stream = lambda _prompt, _decoding: iter(ids)
    try:
        pieces = list(model.stream(asked, Decoding()))
    finally:
        del engine.stream
    shown = ids[: Ending("###", model.tokenizer).length(ids)]
    assert model.tokenizer.text(shown, "###") == "".join(pieces)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_only_a_connector_sees_the_prior(layout: str) -> None:
    one = case(layout, "c1")
    model, (now, before) = reporter(layout), map(image, one["images"])
    with_prior, without = (
        model.encoder.embeddings([ImagePair(model.preprocess(now), prior)])[0]
        for prior in (model.preprocess(before), None)
    )
    change = one["max_abs_first_logit_change_if_prior_is_dummy"]
    assert (change > 0) == model.model.reads_prior
    assert (change > 0) == bool((with_prior != without).any())
