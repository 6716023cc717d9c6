"""What Python callers give with a wrong type or value: one InputError, whatever it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from models.arguments import check_argument
from models.devices import placement
from models.engines.engine import Decoding
from models.errors import InputError, ModelsError
from models.images.canvas import study_canvas
from models.images.feature_cache import FeatureCache
from models.images.preprocess import Preprocessor
from models.images.reading import read_image
from models.libra import TemporalAlignmentConnector, load_projector, prompts
from models.libra.encoding import ImagePair
from models.libra.reporter import Question
from tests.models.libra.golden_models import GOLDEN, image, reporter

ODD: list[Any] = [
    None, 3, -1, 0, 2.5, "3", "", True, [], [1], {}, (1, 2, 3), {"a": 1}, b"x", object(),
    np.int64(3), float("nan"), float("inf"), np.zeros(3), "x" * 5000, "a\0b", Path("nope"), set(),
    ["a", "b"],
]  # fmt: skip
PROJECTOR = next((GOLDEN / "projector_only").rglob("mm_projector.bin"))
CURRENT = image("cur_a.png")
PHANTOM = "libra-phantom"


def taken(call: Callable[[Any], object]) -> list[Any]:
    """Return the odd values that a call takes; any error but ours fails the test."""
    found = []
    for value in ODD:
        try:
            call(value)
        except ModelsError:
            continue
        found.append(value)
    return found


@pytest.mark.parametrize(
    ("value", "kinds", "problem"),
    [
        ("3", (int,), "n must be int, not str"),
        (True, (int, float), "n must be int or float, not bool"),
        (None, (str,), "n must be str, not NoneType"),
        (3, (str, None), "n must be str or None, not int"),
    ],
)
def test_an_argument_of_a_wrong_type_is_named(value: object, kinds: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        check_argument("n", value, *kinds)


def test_an_argument_of_one_of_the_types_passes() -> None:
    check_argument("n", 3, int)
    check_argument("n", None, str, None)
    check_argument("n", True, bool)


@pytest.mark.parametrize("name", prompts.templates())
def test_a_conversation_takes_turns_of_role_and_text_alone(name: str) -> None:
    assert [] == taken(lambda odd: prompts.render(name, [odd]))
    assert [] == taken(lambda odd: prompts.render(name, [(odd, "text")]))
    assert {"list"} >= {type(odd).__name__ for odd in taken(lambda odd: prompts.render(name, odd))}
    for role in ("user", "assistant"):
        texts = taken(lambda odd, role=role: prompts.render(name, [("user", "a"), (role, odd)]))
        assert {"str", "NoneType"} >= {type(text).__name__ for text in texts}


@pytest.mark.parametrize(
    ("turns", "problem"),
    [
        ([("user", "a", "b")], r"Turn 1 of the conversation is no pair \(role, text\)"),
        ([("user", "a"), "assistant"], "Turn 2 of the conversation is no pair"),
        ("user", "A conversation must be a list of turns"),
        (None, "A conversation must be a list of turns .*, not NoneType"),
        ([("user", 3)], "The text of turn 1 must be str or None, not int"),
    ],
)
def test_turns_that_are_none_say_what_a_turn_is(turns: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        prompts.render("libra_v1", turns)


@pytest.mark.parametrize(
    "call",
    [
        prompts.stop_string,
        prompts.section_question,
        lambda odd: prompts.with_context([odd], {}),
        lambda odd: prompts.with_context("Describe.", [odd]),
        lambda odd: prompts.with_context("Describe.", {"indication": [odd]}),
        load_projector,
        lambda odd: load_projector(PROJECTOR, num_heads=[odd]),
        lambda odd: placement([odd]),
        lambda odd: placement("cpu", [odd]),
        lambda odd: models.load(PHANTOM, engine=odd),
        lambda odd: models.load(PHANTOM, device=[odd]),
        lambda odd: models.load(PHANTOM, dtype=[odd]),
        lambda odd: models.load(PHANTOM, batch_size=[odd]),
        lambda odd: models.load(PHANTOM, cache=[odd]),
        lambda odd: models.load(PHANTOM, revision=[odd]),
        lambda odd: models.load(PHANTOM, base=[odd]),
        lambda odd: read_image(odd),
        lambda odd: read_image(CURRENT, dicom=odd),
        lambda odd: read_image(CURRENT, window=[odd]),
        study_canvas,
        lambda odd: study_canvas([odd]),
        lambda odd: study_canvas([read_image(CURRENT)], [odd, odd]),
        lambda odd: FeatureCache([odd]),
        Preprocessor,
        Preprocessor.from_folder,
    ],
)
def test_odd_values_are_refused_by_the_python_surface(
    call: Callable[[Any], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert [] == taken(call)


def test_sizes_of_a_connector_are_numbers() -> None:
    with pytest.raises(InputError, match="num_heads must be int or None, not str"):
        load_projector(PROJECTOR, num_heads="4")  # type: ignore[arg-type]
    sizes = {"vision_dim": 8, "hidden_size": 16, "num_heads": 2, "num_layers": 12}
    for name in sizes:
        found = taken(lambda odd, name=name: TemporalAlignmentConnector(**{**sizes, name: odd}))
        assert {3} >= set(found)


SETTINGS = {
    "num_beams": (int,),
    "length_penalty": (int, float),
    "no_repeat_ngram_size": (int,),
    "max_new_tokens": (int,),
    "num_return_sequences": (int,),
    "temperature": (int, float),
    "top_p": (type(None),),
    "seed": (int, type(None)),
    "prior": (type(None),),
    "prompt": (str, type(None)),
    "template": (type(None), str),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_report_takes_no_setting_of_a_wrong_type(name: str) -> None:
    model = reporter("full")
    found = taken(lambda odd: model.report(CURRENT, **{"max_new_tokens": 1, name: odd}))
    assert set(SETTINGS[name]) >= {type(odd) for odd in found}


def test_settings_of_a_report_are_named() -> None:
    model = reporter("full")
    with pytest.raises(InputError, match="'num_beams' in the decoding settings is wrong"):
        model.report(CURRENT, num_beams="3")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="prompt must be str or None, not int"):
        model.report(CURRENT, prompt=3)  # type: ignore[arg-type]
    question = Question(ImagePair(model.preprocess(CURRENT)), [("assistant", "Clear.")])
    with pytest.raises(InputError, match="no turn of the user's"):
        model.reports([question], Decoding(max_new_tokens=1))
    with pytest.raises(InputError, match="decoding must be Decoding, not NoneType"):
        model.reports([question], None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings", [{"image_std": 0}, {"image_std": [1, 0, 1]}, {"image_mean": float("nan")}]
)
def test_a_preprocessor_never_makes_pixels_that_are_no_numbers(settings: dict[str, Any]) -> None:
    config = {"image_processor_type": "CLIPImageProcessor", **settings}
    with pytest.raises(InputError, match=r"image_(std|mean) "):
        Preprocessor(config)
