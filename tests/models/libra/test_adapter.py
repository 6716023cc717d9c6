"""The adapters of the family: what is asked, what comes back, batches, caches, figures."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from models.adapter import Request
from models.engines.engine import Engine, EnginePrompt
from models.errors import InputError
from models.images.canvas import study_canvas
from models.images.reading import read_image
from models.libra.adapter import Libra, LlavaMed
from models.libra.prompts import FINDINGS_QUESTION
from tests.models.libra.adapters import REQUESTS, adapter, libra, request, scaled, texts
from tests.models.libra.golden_models import case, copied, folder, image

__all__ = ["libra"]


def test_a_request_gets_the_original_s_text(libra: Libra) -> None:
    one = case("full", "c1")
    assert FINDINGS_QUESTION == one["query"]
    (made,) = libra.generate([request("a", "prior_a.png")])
    golden = one["generation"]["greedy"]
    assert golden["text"] == made.text
    assert len(golden["ids"]) == made.tokens
    assert "stop" == made.finish_reason
    assert FINDINGS_QUESTION == made.prompt


def test_a_question_and_a_section_change_what_is_asked(libra: Libra) -> None:
    context = {"indication": "Cough.", "history": " ", "technique": "Portable."}
    made = libra.generate(
        [
            request(question="Is there an effusion?", context=context),
            request(section="impression"),
            request(context=context),
        ]
    )
    assert [
        "Is there an effusion?",
        "Provide a detailed description of the impression in the radiology image.",
        f"{FINDINGS_QUESTION} Following clinical context: Indication: Cough., Technique: Portable.",
    ] == [one.prompt for one in made]


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        (["technique", "indication"], "Technique: T, Indication: I"),
        (["history"], "History: H"),
        ([], ""),
        (["comparison"], ""),
    ],
)
def test_the_context_is_what_the_options_name(chosen: list[str], shown: str) -> None:
    found = adapter(folder("full"), context=chosen)
    context = {"indication": "I", "history": "H", "technique": "T"}
    asked = found._asked(request(context=context))
    assert asked == FINDINGS_QUESTION + (f" Following clinical context: {shown}" if shown else "")


def test_the_context_is_what_the_checkpoint_was_trained_with(tmp_path: Path) -> None:
    copy = copied("full", tmp_path)
    file = copy / "config.json"
    settings = {**json.loads(file.read_text()), "harness_context_sections": ["history"]}
    file.write_text(json.dumps(settings))
    asked = adapter(copy)._asked(request(context={"indication": "I", "history": "H"}))
    assert f"{FINDINGS_QUESTION} Following clinical context: History: H" == asked


def test_a_section_without_question_fails_alone(libra: Libra) -> None:
    made = libra.generate([request(section="comparison"), request("a", "prior_a.png")])
    assert ["error", "stop"] == [one.finish_reason for one in made]
    assert "no question for the section 'comparison'" in str(made[0].error)


def test_an_image_that_cannot_be_read_fails_alone(libra: Libra, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(image("cur_a.png").read_bytes()[:60])
    whole = libra.generate(REQUESTS)
    bad = [
        replace(REQUESTS[0], current_image=broken),
        replace(REQUESTS[1], current_image=None),
        replace(REQUESTS[2], prior_image=tmp_path / "gone.png"),
    ]
    made = libra.generate([bad[0], REQUESTS[1], bad[2], REQUESTS[3], bad[1], REQUESTS[0]])
    assert ["error", "error", "error"] == [made[n].finish_reason for n in (0, 2, 4)]
    assert [whole[1], whole[3], whole[0]] == [made[n] for n in (1, 3, 5)]
    assert "broken.png" in str(made[0].error)
    assert "gone.png" in str(made[2].error)
    assert "has no image" in str(made[4].error)
    assert {""} == {made[n].text for n in (0, 2, 4)}


def test_a_batch_does_not_change_a_text(libra: Libra) -> None:
    alone = [libra.generate([one])[0] for one in REQUESTS]
    assert alone == libra.generate(REQUESTS)
    assert alone[::-1] == libra.generate(REQUESTS[::-1])
    assert [] == libra.generate([])


def test_a_prompt_that_the_engine_refuses_fails_alone(libra: Libra) -> None:
    long = request("wide", question="Is this new? " * 900)
    made = libra.generate([REQUESTS[0], long, REQUESTS[3]])
    assert ["stop", "error"] == [one.finish_reason for one in made[:2]]
    assert "positions" in str(made[1].error)
    assert [libra.generate([one])[0] for one in (REQUESTS[0], REQUESTS[3])] == [made[0], made[2]]


def test_a_second_image_token_in_the_context_fails_alone(libra: Libra) -> None:
    hostile = request("wide", context={"history": "<image>"})
    made = libra.generate([hostile, REQUESTS[3]])
    assert "2 image tokens" in str(made[0].error)
    assert made[1].error is None


def test_an_error_of_the_program_is_not_put_on_a_sample() -> None:
    class Failing(Engine):
        def generate(self, prompts: Any, decoding: Any) -> Any:
            raise ZeroDivisionError(len(prompts))

    found = adapter(folder("full"))
    found._loaded().engines._running["transformers"] = Failing()
    with pytest.raises(ZeroDivisionError):
        found.generate(REQUESTS)


def test_prior_modes_without_prior_are_the_same(libra: Libra) -> None:
    first, second = (libra.generate([request("a", prior=None)])[0] for _ in range(2))
    assert first == second
    own = libra.generate([request("a", "cur_a.png")])[0]
    assert first == own
    assert first.text != libra.generate([request("a", "prior_a.png")])[0].text


def test_the_same_seed_samples_the_same_text_in_any_batch() -> None:
    sampled = {"generation": {"max_new_tokens": 8, "temperature": 1.0, "seed": 3}}
    found = adapter(folder("full"), **sampled)
    together = texts(found.generate(REQUESTS))
    assert together == [found.generate([one])[0].text for one in REQUESTS]
    sampled["generation"]["seed"] = 4
    assert together != texts(adapter(folder("full"), **sampled).generate(REQUESTS))


def test_figures_add_up_over_batches() -> None:
    found = adapter(folder("full"))
    assert found.figures() is None
    made = [*found.generate(REQUESTS[:2]), *found.generate(REQUESTS[2:])]
    figures = found.figures()
    assert figures is not None
    assert 6 == figures.images
    assert sum(one.tokens or 0 for one in made) == figures.tokens
    assert 4 * 70 < figures.prompt_tokens < 4 * 120
    assert min(figures.load_s, figures.image_s, figures.token_s) > 0
    assert figures.peak_memory_bytes > 1_000_000
    assert ("cpu", "float32") == (figures.device, figures.dtype)
    assert figures.warm_up_s > 0


def test_closing_lets_the_model_go() -> None:
    import gc
    import weakref

    found = adapter(folder("medcxrgen"))
    found.close()
    found.generate([request("a")])
    gone = weakref.ref(found._loaded().model.language_model)
    assert gone() is not None
    found.close()
    gc.collect()
    assert gone() is None
    assert found.figures() is None
    found.close()


def test_kept_features_give_the_same_texts_without_encoding(tmp_path: Path) -> None:
    made = []
    for images in (6, 0):
        found = adapter(folder("full"), feature_cache={"folder": str(tmp_path)})
        made.append(texts(found.generate(REQUESTS)))
        figures = found.figures()
        assert figures is not None
        assert images == figures.images
    assert made[0] == made[1] == texts(adapter(folder("full")).generate(REQUESTS))


def test_kept_features_of_another_tower_are_not_read(tmp_path: Path) -> None:
    copy = copied("full", tmp_path)
    cache = {"folder": str(tmp_path / "cache")}
    adapter(copy, feature_cache=cache).generate(REQUESTS[:1])
    scaled(copy.parent / "tiny-rad-dino" / "model.safetensors")
    found = adapter(copy, feature_cache=cache)
    found.generate(REQUESTS[:1])
    figures = found.figures()
    assert figures is not None
    assert 2 == figures.images


def test_med_cxrgen_sees_all_images_on_one_canvas() -> None:
    one = case("medcxrgen", "c1")
    assert "cur_a.png" == one["images"][0]
    found = adapter(folder("medcxrgen"), prompt=one["query"])
    paths = tuple(image(name) for name in ("cur_a.png", "cur_wide.png", "prior_tall.png"))
    study = Request("s", paths[0], images=paths, views=("LATERAL", "PA", "AP"))
    (made,) = found.generate([study])
    reporter = found._loaded()
    ordered = [read_image(paths[n]) for n in (1, 2, 0)]
    expected = reporter.report(study_canvas(ordered), prompt=one["query"], max_new_tokens=24)
    assert expected[0].text == made.text
    single = adapter(folder("medcxrgen"), prompt=one["query"], canvas=False)
    (alone,) = single.generate([study])
    assert one["generation"]["greedy"]["text"] == alone.text
    shown = found._question(study).images.current
    assert np.array_equal(reporter.preprocess(study_canvas(ordered)), shown)
    unordered = [read_image(path) for path in paths]
    assert not np.array_equal(reporter.preprocess(study_canvas(unordered)), shown)
    assert np.array_equal(reporter.preprocess(paths[0]), single._question(study).images.current)


def test_views_that_do_not_match_the_images_fail_alone() -> None:
    found = adapter(folder("medcxrgen"))
    path = image("cur_a.png")
    made = found.generate([Request("s", path, images=(path,), views=("PA", "AP")), REQUESTS[1]])
    assert "2 views for 1 images" in str(made[0].error)
    assert made[1].error is None


@pytest.mark.parametrize(("layout", "reads"), [("full", True), ("medcxrgen", False)])
def test_only_a_checkpoint_with_a_connector_reads_a_prior(layout: str, reads: bool) -> None:
    found = adapter(folder(layout))
    assert reads == found.reads_prior()
    assert reads == (image("prior_a.png") in found.looks_at(request("a", "prior_a.png")))


def test_llava_med_says_that_it_sees_no_prior() -> None:
    found = adapter(folder("llavamed_mistral"), LlavaMed)
    assert (True, False) == (found.uses_images, found.uses_prior)
    with_prior, without = (
        found.generate([request("a", prior)])[0] for prior in ("prior_a.png", None)
    )
    assert with_prior == without


def test_a_model_is_loaded_by_name_as_by_the_adapter(libra: Libra) -> None:
    loaded = models.load(folder("full"), device="cpu", dtype="float32")
    assert folder("full").name == loaded.name == "libra-v1.0-tiny"
    made = loaded.report(image("cur_a.png"), image("prior_a.png"), max_new_tokens=24)
    assert libra.generate(REQUESTS[:1])[0].text == made[0].text


def test_engine_prompts_carry_the_sample_s_name(libra: Libra) -> None:
    seen: list[EnginePrompt] = []

    class Watching(Engine):
        def generate(self, prompts: Any, decoding: Any) -> Any:
            seen.extend(prompts)
            raise InputError("seen")

    reporter = libra._loaded()
    running = reporter.engines._running
    usual = reporter.engines.for_decoding(libra.options.generation.decoding())
    try:
        running["transformers"] = Watching()
        made = libra.generate(REQUESTS[:2])
    finally:
        running["transformers"] = usual
    assert ["seen", "seen"] == [one.error for one in made]
    assert {"a", "wide"} == {one.key for one in seen}
