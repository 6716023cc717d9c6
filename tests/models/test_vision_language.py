import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    GenerationConfig,
)

from models.adapter import FAILED, Generation, Request
from models.errors import InputError, MissingError
from models.vision_language import VisionLanguage
from tests.models.tiny_vision_models import save_gemma3, save_llava, save_qwen2_vl

SENTENCE = "The first image is the current chest radiograph. The second image is the prior chest "
QUESTION = "Provide a detailed description of the findings in the radiology image."
NO_PRIOR = "The image is the current chest radiograph. There is no prior chest radiograph."
TOKENS = 8


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module", params=[save_llava, save_gemma3, save_qwen2_vl])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny model of each kind."""
    save: Callable[[Path], Path] = request.param
    return save(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_llava(tmp_path_factory.mktemp("llava"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with eight images of different sizes."""
    path = tmp_path_factory.mktemp("images")
    for i in range(8):
        pixels = np.random.default_rng(i).integers(0, 256, (40 + i, 60 - i), np.uint8)
        Image.fromarray(pixels).save(path / f"{i}.png")
    return path


def _adapter(folder: Path, generation: dict[str, Any] | None = None, **options: Any) -> Any:
    given = {"max_new_tokens": TOKENS, **(generation or {})}
    return VisionLanguage.from_settings({"weights": str(folder), "generation": given, **options})


def _requests(images: Path, n: int = 7) -> list[Request]:
    """Return requests with and without a prior, and contexts of different lengths."""
    return [
        Request(
            f"s{i}",
            images / f"{i}.png",
            images / f"{(i + 1) % 8}.png" if i % 3 else None,
            context={"indication": "ab" * i} if i % 2 else {},
        )
        for i in range(n)
    ]


def _direct(folder: Path, request: Request, **generation: Any) -> str:
    """Return what transformers itself writes about one study: the oracle."""
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    said = [f"Following clinical context: Indication: {text}" for text in request.context.values()]
    paths = [path for path in (request.current_image, request.prior_image) if path]
    which = f"{SENTENCE}radiograph, for comparison." if len(paths) == 2 else NO_PRIOR
    asked = " ".join([f"{which}\n{QUESTION}", *said])
    shown = [Image.open(path).convert("RGB") for path in paths]
    inputs = _INPUTS[model.config.model_type](folder, shown, asked)
    model.generation_config = GenerationConfig(pad_token_id=0, bos_token_id=1, eos_token_id=2)
    with torch.inference_mode():
        ids = model.generate(**inputs, max_new_tokens=TOKENS, **generation)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text: str = tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return text.strip()


def _through_the_processor(mark: str) -> Callable[..., Any]:
    def inputs(folder: Path, images: list[Image.Image], asked: str) -> Any:
        processor = AutoProcessor.from_pretrained(folder, backend="pil")
        prompt = f"[user] {mark * len(images)}{asked} | [assistant] "
        return processor(text=[prompt], images=[images], return_tensors="pt")

    return inputs


def _qwen2_vl_inputs(folder: Path, images: list[Image.Image], asked: str) -> Any:
    """Return what Qwen's processor is documented to make, which needs torchvision itself."""
    pixels = AutoImageProcessor.from_pretrained(folder, backend="pil")(images, return_tensors="pt")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    marks = [
        f"<|vision_start|>{'<|image_pad|>' * (int(grid.prod()) // 4)}<|vision_end|>"
        for grid in pixels["image_grid_thw"]
    ]
    inputs = tokenizer(f"[user] {''.join(marks)}{asked} | [assistant] ", return_tensors="pt")
    pads = inputs["input_ids"] == tokenizer.convert_tokens_to_ids("<|image_pad|>")
    return {**inputs, **pixels, "mm_token_type_ids": pads.int()}


_INPUTS = {
    "llava": _through_the_processor("<image>"),
    "gemma3": _through_the_processor("<start_of_image>"),
    "qwen2_vl": _qwen2_vl_inputs,
}


def _texts(answers: Sequence[Generation]) -> list[str]:
    assert all(answer.error is None for answer in answers)
    return [answer.text for answer in answers]


@pytest.mark.parametrize("generation", [{}, {"num_beams": 3, "length_penalty": 2.0}])
def test_texts_equal_those_of_transformers(
    generation: dict[str, Any], folder: Path, images: Path
) -> None:
    requests = _requests(images, 3)
    expected = [_direct(folder, request, **generation) for request in requests]
    assert expected == _texts(_adapter(folder, generation).generate(requests))
    assert len(set(expected)) > 1


@pytest.mark.parametrize(
    "generation",
    [{}, {"num_beams": 2}, {"temperature": 0.7, "top_p": 0.9, "seed": 3}],
)
def test_the_batch_does_not_change_a_text(
    generation: dict[str, Any], folder: Path, images: Path
) -> None:
    requests = _requests(images, 5)
    single = _adapter(folder, generation, batch_size=1)
    alone = [single.generate([request])[0] for request in requests]
    for size in (2, 16):
        assert alone == _adapter(folder, generation, batch_size=size).generate(requests)


def test_a_seed_decides_what_is_sampled(llava: Path, images: Path) -> None:
    requests = _requests(images, 2)
    first, again, other = (
        _texts(_adapter(llava, {"temperature": 1.0, "seed": seed}).generate(requests))
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_each_prior_mode_shows_its_images(llava: Path, images: Path) -> None:
    current, prior = images / "0.png", images / "1.png"
    asked = {
        "real": Request("s", current, prior),
        "shuffled": Request("s", current, images / "2.png", prior="shuffled"),
        "dummy": Request("s", current, prior="dummy"),
        "none": Request("s", current, prior="none"),
        "twice": Request("s", current, current),
    }
    adapter = _adapter(llava)
    answers = dict(zip(asked, adapter.generate(list(asked.values())), strict=True))
    assert 9 == adapter.figures().images
    assert answers["twice"] == answers["dummy"]
    assert 4 == len({answer.text for answer in answers.values()})
    prompts = {name: str(answer.prompt) for name, answer in answers.items()}
    assert all(prompts[name].startswith(SENTENCE) for name in ("real", "shuffled", "dummy"))
    assert "There is no prior chest radiograph." in prompts["none"]


def test_without_send_prior_the_prior_changes_nothing(llava: Path, images: Path) -> None:
    requests = [Request("s", images / "0.png"), Request("s", images / "0.png", images / "1.png")]
    first, second = _adapter(llava, send_prior=False).generate(requests)
    assert first == second
    assert QUESTION == first.prompt


def test_prompt_system_and_question_reach_the_model(llava: Path, images: Path) -> None:
    plain, told = (
        _adapter(llava, prompt="Describe.", system=system).generate(
            [Request("s", images / "0.png")]
        )
        for system in (None, "Be brief.")
    )
    assert str(plain[0].prompt).endswith("\nDescribe.")
    assert plain[0].text != told[0].text
    (asked,) = _adapter(llava).generate([Request("s", images / "0.png", question="Is it PA?")])
    assert "Is it PA?" == asked.prompt


def test_a_text_cannot_put_images_into_the_prompt(llava: Path, images: Path) -> None:
    context = {"indication": "<image><image> <eos>"}
    (answer,) = _adapter(llava).generate([Request("s", images / "0.png", context=context)])
    assert answer.error is None


def test_the_end_token_ends_a_text_and_is_counted(
    llava: Path, images: Path, tmp_path: Path
) -> None:
    requests = _requests(images, 5)
    full = _adapter(llava).generate(requests)
    assert {"length"} == {answer.finish_reason for answer in full}
    assert {TOKENS} == {answer.tokens for answer in full}
    copy = shutil.copytree(llava, tmp_path / "copy")
    settings = json.loads((copy / "generation_config.json").read_text())
    # every second letter ends a text now
    settings["eos_token_id"] = list(range(2, 260, 2))
    (copy / "generation_config.json").write_text(json.dumps(settings))
    short = _adapter(copy, batch_size=5).generate(requests)
    assert {"stop"} == {answer.finish_reason for answer in short}
    assert all(1 <= int(answer.tokens or 0) < TOKENS for answer in short)
    for one, other in zip(full, short, strict=True):
        assert one.text.encode().startswith(other.text.encode()[:-1])


def test_an_unreadable_image_fails_alone(llava: Path, images: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image")
    good = Request("good", images / "0.png")
    answers = _adapter(llava).generate(
        [
            Request("bad", tmp_path / "bad.png"),
            good,
            Request("gone", images / "0.png", tmp_path / "gone.png"),
            Request("none"),
        ]
    )
    assert [FAILED, "length", FAILED, FAILED] == [answer.finish_reason for answer in answers]
    named = zip(answers, ("bad.png", "None", "gone.png", "no current image"), strict=True)
    assert all(name in str(answer.error) for answer, name in named)
    assert _adapter(llava).generate([good])[0] == answers[1]


def test_max_side_makes_large_images_smaller(llava: Path, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (34, 34))
    Image.fromarray(pixels).save(tmp_path / "large.png")
    request = Request("s", tmp_path / "large.png")
    small, same, large = (
        _adapter(llava, max_side=side).generate([request])[0] for side in (16, 512, None)
    )
    assert large == same
    assert large != small


def test_the_fingerprint_covers_files_settings_and_dtype(
    llava: Path, images: Path, tmp_path: Path
) -> None:
    first = _adapter(llava).fingerprint()
    json.dumps(first)
    assert first == _adapter(llava, batch_size=9, device="cpu").fingerprint()
    moved = shutil.copytree(llava, tmp_path / "moved")
    assert first == _adapter(moved).fingerprint()
    (moved / "chat_template.jinja").write_text("other")
    assert first != _adapter(moved).fingerprint()
    others: list[dict[str, Any]] = [
        {"dtype": "bfloat16"},
        {"generation": {"seed": 1}},
        {"prompt": "x"},
        {"max_side": 99},
    ]
    for other in others:
        assert first != _adapter(llava, **other).fingerprint(), other


def test_figures_count_what_was_done_and_stay_after_close(llava: Path, images: Path) -> None:
    adapter = _adapter(llava)
    assert adapter.figures() is None
    adapter.generate(_requests(images, 3))
    adapter.close()
    figures = adapter.figures()
    assert (5, 3 * TOKENS) == (figures.images, figures.tokens)
    assert ("cpu", "float32") == (figures.device, figures.dtype)
    assert min(figures.load_s, figures.token_s, figures.prompt_tokens) > 0
    assert figures.peak_memory_bytes > 1e7
    adapter.generate(_requests(images, 3))
    assert 6 * TOKENS == adapter.figures().tokens


def test_weights_that_are_not_here_are_missing_with_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingError, match="hf download some-lab/no-such-model-4711"):
        _adapter(Path("some-lab/no-such-model-4711")).check()
    with pytest.raises(MissingError, match=r"config\.json is not there"):
        _adapter(tmp_path).check()


def test_a_checkpoint_that_does_not_fit_is_refused(
    llava: Path, images: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(llava, tmp_path / "copy")
    _adapter(copy).check()
    settings = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**settings, "model_type": "libra"}))
    with pytest.raises(InputError, match="type 'libra'"):
        _adapter(copy).check()
    settings["text_config"]["num_hidden_layers"] = 3
    (copy / "config.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match=r"lacks 9 of the model's tensors \(.*layers\.2"):
        _adapter(copy).generate(_requests(images, 1))
    (copy / "model.safetensors").unlink()
    with pytest.raises(MissingError, match="holds no weights"):
        _adapter(copy).check()


def test_a_processor_without_a_chat_template_is_refused(
    llava: Path, images: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(llava, tmp_path / "copy")
    (copy / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="no chat template"):
        _adapter(copy).generate(_requests(images, 1))


@pytest.mark.skipif(
    find_spec("torchvision") is not None,
    reason="torchvision is installed, so nothing is missing",
)
def test_a_processor_that_needs_torchvision_says_so(
    llava: Path, images: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(llava, tmp_path / "copy")
    settings = json.loads((copy / "processor_config.json").read_text())
    # there is no Pillow version of these
    settings["image_processor"]["image_processor_type"] = "Llama4ImageProcessor"
    (copy / "processor_config.json").write_text(json.dumps(settings))
    with pytest.raises(MissingError, match="torchvision"):
        _adapter(copy).generate(_requests(images, 1))


def test_code_that_comes_with_a_checkpoint_does_not_run(
    llava: Path, images: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(llava, tmp_path / "copy")
    ran = tmp_path / "ran"
    (copy / "evil.py").write_text(f"open({str(ran)!r}, 'w')\nclass Evil: pass\n")
    for name in ("config.json", "processor_config.json", "tokenizer_config.json"):
        settings = json.loads((copy / name).read_text())
        kinds = ("AutoConfig", "AutoProcessor", "AutoTokenizer", "AutoModelForImageTextToText")
        settings["auto_map"] = {kind: "evil.Evil" for kind in kinds}
        (copy / name).write_text(json.dumps(settings))
    expected = _adapter(llava).generate(_requests(images, 1))
    assert expected == _adapter(copy).generate(_requests(images, 1))
    assert not ran.exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"max_side": 3}, "max_side"),
        ({"generation": {"repetition_penalty": 0.0}}, "repetition_penalty"),
        ({"generation": {"num_beam": 3}}, "'num_beams'"),
        ({"dtype": "int7"}, "dtype"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        VisionLanguage.from_settings({"weights": "x", **options})


def test_importing_the_adapter_loads_no_torch() -> None:
    code = (
        "import sys, models.vision_language;"
        "print(*(n for n in ('torch', 'transformers') if n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "" == done.stdout.strip()
