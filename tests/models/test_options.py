from dataclasses import dataclass, field

import pytest

from models.constant import NORMAL_REPORT, Constant
from models.errors import InputError
from models.options import read_options
from models.registry import adapter_class
from models.retrieval import Retrieval


@dataclass(frozen=True)
class Options:
    beams: int
    penalty: float = 1.0
    stop: list[str] | None = None


def test_defaults_fill_what_is_not_set() -> None:
    assert Options(3, 2.0) == read_options(Options, {"beams": 3, "penalty": 2}, "models[0]")


def test_an_unknown_option_names_the_nearest_and_the_place() -> None:
    with pytest.raises(InputError, match=r"'beems' in models\[2\]. Did you mean 'beams'\?"):
        read_options(Options, {"beems": 3}, "models[2]")


def test_a_missing_option_is_named() -> None:
    with pytest.raises(InputError, match=r"'beams' is missing in models\[2\]"):
        read_options(Options, {}, "models[2]")


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"beams": "3"}, "'beams'"),
        ({"beams": True}, "'beams'"),
        ({"beams": 3, "stop": ["a", 1]}, r"'stop\.1'"),
        ({"beams": object()}, "'beams'"),
    ],
)
def test_a_wrong_type_is_refused_at_its_place(settings: dict[str, object], place: str) -> None:
    with pytest.raises(InputError, match=f"{place} in models"):
        read_options(Options, settings, "models[0]")


def test_an_adapter_takes_its_extra_keys() -> None:
    assert Constant.from_settings({"text": "Clear."}).fingerprint() == {"text": "Clear."}
    assert Constant.from_settings({}).fingerprint() == {"text": NORMAL_REPORT}
    assert Retrieval.from_settings({"sections": ["indication"]}).options.sections == ["indication"]
    with pytest.raises(InputError, match=r"Did you mean 'sections'\?"):
        Retrieval.from_settings({"section": ["indication"]})


@dataclass(frozen=True)
class Outer:
    inner: Options | None = None
    others: dict[str, int] = field(default_factory=dict)


def test_options_inside_options_are_read_alike() -> None:
    settings = {"inner": {"beams": 3, "penalty": 2}, "others": {"beems": 1}}
    assert Outer(Options(3, 2.0), {"beems": 1}) == read_options(Outer, settings, "models[0]")
    assert Outer() == read_options(Outer, {"inner": None}, "models[0]")
    with pytest.raises(InputError, match=r"'beems' in inner, models\[0\]. Did you mean 'beams'"):
        read_options(Outer, {"inner": {"beems": 3}}, "models[0]")
    with pytest.raises(InputError, match=r"'beams' is missing in inner"):
        read_options(Outer, {"inner": {}}, "models[0]")
    with pytest.raises(InputError, match=r"'inner.* in models"):
        read_options(Outer, {"inner": 3}, "models[0]")


@pytest.mark.parametrize(
    ("name", "settings", "problem"),
    [
        ("libra", {"weights": "w", "generation": {"num_beem": 1}}, "Did you mean 'num_beams'"),
        ("libra", {"weights": "w", "vllm": {"gpus": 1}}, "Unknown option 'gpus' in vllm"),
        ("libra", {"weights": "w", "feature_cache": {"size": 1}}, "'size' in feature_cache"),
        ("vision_language", {"weights": "w", "generation": {"beam": 1}}, "'beam' in generation"),
        ("openai_compatible", {"endpoint": "e", "model": "m", "images": {"side": 1}}, "'side'"),
    ],
)
def test_unknown_keys_inside_options_are_refused(
    name: str, settings: dict[str, object], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        adapter_class(name).from_settings(settings)
