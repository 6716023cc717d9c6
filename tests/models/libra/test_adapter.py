"""The adapters of the family: options, fingerprints, batches, caches, figures."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

import models
from models.adapter import Generation, Request
from models.engines.engine import Engine, EnginePrompt
from models.errors import InputError, MissingError
from models.images.canvas import study_canvas
from models.images.reading import read_image
from models.libra.adapter import Libra, LlavaMed
from models.libra.prompts import FINDINGS_QUESTION
from tests.models.libra.golden_models import GOLDEN, base, case, copied, folder, image

FAST = {"device": "cpu", "dtype": "float32", "generation": {"max_new_tokens": 24}}


def adapter(weights: str | Path, kind: type[Libra] = Libra, **settings: Any) -> Libra:
    return kind.from_settings({"weights": str(weights), **FAST, **settings})


def request(name: str = "a", prior: str | None = None, **settings: Any) -> Request:
    return Request(
        sample_id=name,
        current_image=image(f"cur_{name}.png"),
        prior_image=None if prior is None else image(prior),
        **settings,
    )


REQUESTS = [
    request("a", "prior_a.png"),
    request("wide"),
    request("rgb", "prior_tall.png"),
    request("small"),
]


@pytest.fixture(scope="module")
def libra() -> Iterator[Libra]:
    found = adapter(folder("full"))
    found.check()
    yield found
    found.close()


def texts(made: list[Generation]) -> list[str]:
    return [one.text for one in made]


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


def scaled(file: Path) -> None:
    """Change the weights of a file."""
    save_file({name: 1.5 * tensor for name, tensor in load_file(file).items()}, file)


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


FINGERPRINTED: dict[str, Any] = {
    "template": "libra_v0",
    "prompt": "What is new?",
    "context": [],
    "canvas": True,
    "padding": "black",
    "dicom": "corrected",
    "dtype": "bfloat16",
    "engine": "vllm",
    "revision": "v2",
    "generation": {"max_new_tokens": 23},
    "feature_cache": {"dtype": "float16"},
}


@pytest.mark.parametrize("name", FINGERPRINTED)
def test_the_fingerprint_holds_what_can_change_a_text(libra: Libra, name: str) -> None:
    other = adapter(folder("full"), **{name: FINGERPRINTED[name]})
    assert libra.fingerprint() != other.fingerprint()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_beams", 2),
        ("length_penalty", 2.0),
        ("no_repeat_ngram_size", 3),
        ("temperature", 0.5),
        ("top_p", 0.5),
        ("top_k", 7),
        ("seed", 1),
    ],
)
def test_the_fingerprint_holds_every_setting_of_the_decoding(
    libra: Libra, name: str, value: float
) -> None:
    other = adapter(folder("full"), generation={"max_new_tokens": 24, name: value})
    assert libra.fingerprint() != other.fingerprint()


def test_the_fingerprint_leaves_out_how_fast_and_where(libra: Libra) -> None:
    silent = {"batch_size": 3, "device": None, "feature_cache": {"max_gigabytes": 1.0}}
    assert libra.fingerprint() == adapter(folder("full"), **silent).fingerprint()
    json.dumps(libra.fingerprint())


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("full", "model-00002-of-00003.safetensors"),
        ("full", "../tiny-rad-dino/model.safetensors"),
        ("llavamed_mistral", "model-00001-of-00002.safetensors"),
        ("lora", "adapter_model.bin"),
        ("lora", "non_lora_trainables.bin"),
        ("lora", "../libra-v1.0-tiny/model-00001-of-00002.safetensors"),
        ("projector_only", "mm_projector.bin"),
        ("projector_only", "../tiny-vicuna-base/pytorch_model.bin"),
        ("full", "config.json"),
        ("full", "tokenizer_config.json"),
        ("full", "tokenizer.model"),
        ("full", "generation_config.json"),
        ("full", "../tiny-rad-dino/preprocessor_config.json"),
        ("full", "../tiny-rad-dino/config.json"),
        ("lora", "adapter_config.json"),
        ("lora", "../libra-v1.0-tiny/generation_config.json"),
    ],
)
def test_the_fingerprint_holds_every_file(tmp_path: Path, layout: str, name: str) -> None:
    copy = copied(layout, tmp_path)
    named = base(layout)
    settings = {} if named is None else {"base": str(copy.parent / named.name)}
    before = adapter(copy, **settings).fingerprint()
    assert before == adapter(copy, **settings).fingerprint()
    file = copy / name
    if file.suffix == ".safetensors":
        scaled(file)
    else:
        file.write_bytes(file.read_bytes() + b"\n")
    assert before != adapter(copy, **settings).fingerprint()


def test_files_of_one_name_do_not_hide_each_other(tmp_path: Path) -> None:
    copy = copied("full", tmp_path)
    whole = {k: v for file in copy.glob("*.safetensors") for k, v in load_file(file).items()}
    for file in copy.glob("model*"):
        file.unlink()
    save_file(whole, copy / "model.safetensors")
    before = adapter(copy).fingerprint()
    scaled(copy / "model.safetensors")
    after = adapter(copy).fingerprint()
    assert before != after
    scaled(copy.parent / "tiny-rad-dino" / "model.safetensors")
    assert after != adapter(copy).fingerprint()


def test_the_fingerprint_does_not_depend_on_where_the_folder_is(tmp_path: Path) -> None:
    first, second = (copied("full", tmp_path / name) for name in ("x", "y"))
    assert adapter(first).fingerprint() == adapter(second).fingerprint()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"generation": {"num_beam": 3}}, "'num_beam' in generation.*Did you mean 'num_beams'"),
        ({"feature_cache": {"max_gb": 3}}, "'max_gb' in feature_cache"),
        ({"batchsize": 3}, "Did you mean 'batch_size'"),
        ({"dtype": "float8"}, "'dtype'"),
        ({"engine": "tgi"}, "'engine'"),
        ({"generation": {"num_beams": "3"}}, "num_beams"),
    ],
)
def test_an_option_that_is_unknown_or_wrong_is_named(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        adapter("x", **settings)


def test_weights_must_be_given() -> None:
    with pytest.raises(InputError, match="'weights' is missing"):
        Libra.from_settings({})
    with pytest.raises(InputError, match="'weights' in the model's options is wrong"):
        Libra.from_settings({"weights": None})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"template": "libra_v9"}, "Unknown conversation template 'libra_v9'. Did you mean"),
        ({"generation": {"num_beams": 0}}, "start at 1"),
        ({"batch_size": 0}, "batch_size 0 is below 1"),
        ({"device": "abacus"}, "no device 'abacus'"),
        ({"feature_cache": {"max_gigabytes": 0.0}}, "Give bytes above 0"),
        ({"generation": {"temperature": -1.0}}, "temperature -1.0 is negative"),
        ({"generation": {"top_p": 2.0, "temperature": 1.0}}, "top_p 2.0 is outside"),
        ({"base": str(GOLDEN / "lora" / "libra-v1.0-tiny")}, "Leave base out"),
    ],
)
def test_settings_that_cannot_run_are_told_before(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        adapter(folder("full"), **settings).check()


def test_what_is_not_on_this_machine_is_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(MissingError, match=r"`hf download X-iZhang/libra-v1\.0-7b`"):
        adapter("libra-v1.0-7b").check()
    with pytest.raises(MissingError, match=r"'lmsys/vicuna-7b-v1\.5' are not on this machine"):
        adapter(folder("projector_only"), base="lmsys/vicuna-7b-v1.5").check()
    copy = copied("full", tmp_path)
    shutil.rmtree(copy.parent / "tiny-rad-dino")
    with pytest.raises(MissingError, match="vision tower 'tiny-rad-dino'"):
        adapter(copy).check()


def test_a_shard_that_does_not_fit_is_told_before(tmp_path: Path) -> None:
    copy = copied("full", tmp_path)
    file = copy / "model-00003-of-00003.safetensors"
    tensors = load_file(file)
    name = sorted(tensors)[0]
    del tensors[name]
    save_file(tensors, file)
    with pytest.raises(InputError, match=f"missing      {name}"):
        adapter(copy).check()


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
