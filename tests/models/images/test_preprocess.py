"""Pixels equal those of the original's image processors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.errors import InputError, MissingError
from models.images.preprocess import Preprocessor, pad_to_square
from models.images.reading import read_image

GOLDEN = Path(__file__).parents[2] / "golden" / "images"
CONFIGS = json.loads((GOLDEN / "configs.json").read_text())
PIXELS = np.load(GOLDEN / "pixels.npz")
RAD_DINO = CONFIGS["bit"]
SIGLIP = {"image_processor_type": "SiglipImageProcessor", "size": {"height": 28, "width": 28}}


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(noise)


@pytest.mark.parametrize("name", PIXELS.files)
def test_pixels_equal_those_of_libra(name: str) -> None:
    kind, _, file = name.partition(".")
    pixels = Preprocessor(CONFIGS[kind])(read_image(GOLDEN / f"{file}.png"))
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, PIXELS[name], rtol=0, atol=1e-6)


def test_a_16_bit_png_gives_the_pixels_of_the_same_picture_with_8_bit() -> None:
    pixels = Preprocessor(RAD_DINO)(read_image(GOLDEN / "cur_16bit.png"))
    np.testing.assert_allclose(pixels, PIXELS["bit.cur_16bit_as8"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("CLIPImageProcessor", {"size": 30, "crop_size": 28}),
        ("CLIPImageProcessor", {}),
        ("CLIPImageProcessor", {"do_normalize": False, "resample": 2}),
        ("BitImageProcessor", {"size": {"shortest_edge": 29}, "crop_size": 42}),
        ("BitImageProcessor", {"size": {"shortest_edge": 28}, "crop_size": 21, "image_mean": 0.5}),
        ("SiglipImageProcessor", {"size": {"height": 28, "width": 28}}),
        ("SiglipImageProcessor", {"size": {"height": 28, "width": 28}, "do_rescale": False}),
        ("ViTImageProcessor", {"size": {"height": 32, "width": 32}}),
    ],
)
def test_pixels_equal_those_of_transformers(name: str, config: dict[str, Any]) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    theirs = getattr(transformers, f"{name}Pil")(**config)
    ours = Preprocessor({**config, "image_processor_type": name}, aspect_ratio="square")
    for width, height in [(61, 40), (33, 90), (28, 28), (500, 31)]:
        image = picture(width, height)
        expected = theirs.preprocess(image, return_tensors="np")["pixel_values"][0]
        np.testing.assert_allclose(ours(image), expected, rtol=0, atol=1e-6)


@given(st.integers(1, 40), st.integers(1, 40))
def test_padding_centres_the_image_an_odd_pixel_goes_to_the_end(width: int, height: int) -> None:
    edge = max(width, height)
    left, top = (edge - width) // 2, (edge - height) // 2
    image = picture(width, height)
    square = np.asarray(pad_to_square(image, (1, 2, 3)))
    assert (edge, edge, 3) == square.shape
    inner = square[top : top + height, left : left + width]
    np.testing.assert_array_equal(np.asarray(image), inner)
    outside = np.ones((edge, edge), bool)
    outside[top : top + height, left : left + width] = False
    assert (square[outside] == (1, 2, 3)).all()


@given(st.integers(8, 80), st.integers(8, 80), st.sampled_from(["pad", "square"]))
@settings(max_examples=30)
def test_any_image_becomes_one_square_size(width: int, height: int, ratio: str) -> None:
    preprocessor = Preprocessor(RAD_DINO, ratio)
    assert preprocessor.size == 56
    pixels = preprocessor(picture(width, height))
    assert (3, 56, 56) == pixels.shape
    assert pixels.flags.c_contiguous


def test_mean_padding_is_nearly_zero_and_black_padding_is_black() -> None:
    wide = Image.new("RGB", (56, 28), (255, 255, 255))
    corner = {p: Preprocessor(RAD_DINO, padding=p)(wide)[0, 0, 0] for p in ("mean", "black")}
    assert corner["mean"] == pytest.approx((135 / 255 - 0.5307) / 0.2583)
    assert corner["black"] == pytest.approx(-0.5307 / 0.2583)


def test_without_padding_the_long_side_is_cropped_away() -> None:
    image = Image.new("RGB", (112, 56))
    image.paste((255, 255, 255), (28, 0, 84, 56))
    pixels = Preprocessor(RAD_DINO, "square")(image)
    np.testing.assert_allclose(pixels, (1 - 0.5307) / 0.2583, rtol=1e-5)


@pytest.mark.parametrize(
    ("ratio", "padding", "config"),
    [
        ("square", "mean", RAD_DINO),
        ("pad", "black", RAD_DINO),
        ("pad", "mean", {**RAD_DINO, "resample": 2}),
        ("pad", "mean", {**RAD_DINO, "image_std": [0.25, 0.25, 0.25]}),
        ("pad", "mean", {**RAD_DINO, "size": {"shortest_edge": 64}}),
        ("pad", "mean", {**RAD_DINO, "do_normalize": False}),
        ("pad", "mean", {**RAD_DINO, "do_rescale": False}),
    ],
)
def test_the_signature_tells_other_settings_apart(ratio: str, padding: Any, config: Any) -> None:
    usual = Preprocessor(RAD_DINO).signature()
    other = Preprocessor(config, ratio, padding).signature()
    assert usual == json.loads(json.dumps(usual))
    assert usual != other


@pytest.mark.parametrize("named", ["CLIPFeatureExtractor", "CLIPImageProcessorFast"])
def test_older_and_newer_names_of_a_processor_are_known(named: str) -> None:
    config = {"feature_extractor_type": named, "size": 336, "crop_size": 336}
    assert Preprocessor(config).size == 336


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "image_processor_type None is not known"),
        ({"image_processor_type": "Pix2StructImageProcessor"}, "is not known"),
        ({**SIGLIP, "size": {"longest_edge": 3}}, "size must be pixels"),
        ({**SIGLIP, "size": {"height": 30_000, "width": 30_000}}, "size 30000 is above 4096"),
        ({**SIGLIP, "size": {"height": 3, "width": "x"}}, "size must be pixels"),
        ({**SIGLIP, "size": {"height": 3, "width": 5}}, "one square size"),
        ({**SIGLIP, "do_resize": False}, "one square size"),
        ({**SIGLIP, "image_mean": [0.5]}, "three numbers"),
        ({**SIGLIP, "resample": 99}, "resample"),
        ({**SIGLIP, "rescale_factor": None}, "rescale_factor"),
    ],
)
def test_a_config_that_cannot_be_followed_is_refused(config: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Preprocessor(config)


def test_unknown_padding_is_refused() -> None:
    with pytest.raises(InputError, match='"mean" or "black"'):
        Preprocessor(RAD_DINO, padding="white")  # type: ignore[arg-type]


def test_a_shortest_edge_without_crop_or_padding_is_refused() -> None:
    config = {**RAD_DINO, "do_center_crop": False}
    with pytest.raises(InputError, match="one square size"):
        Preprocessor(config, "square")
    assert Preprocessor(config, "pad").size == 56


def test_a_folder_is_read_and_its_problems_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"preprocessor_config\.json is not there"):
        Preprocessor.from_folder(tmp_path)
    path = tmp_path / "preprocessor_config.json"
    for content in ("{", "[]", "{}"):
        path.write_text(content)
        with pytest.raises(InputError, match=r"preprocessor_config\.json: "):
            Preprocessor.from_folder(tmp_path)
    path.write_text(json.dumps(RAD_DINO))
    assert Preprocessor.from_folder(tmp_path).signature() == Preprocessor(RAD_DINO).signature()


@pytest.mark.parametrize("padding", ["black", "mean"])
@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("size", [(61, 40), (33, 90), (50, 50)])
def test_an_image_left_in_grey_gives_the_same_pixels(
    kind: str, size: tuple[int, int], padding: Any, tmp_path: Path
) -> None:
    picture(*size).convert("L").save(tmp_path / "a.png")
    process = Preprocessor(CONFIGS[kind], padding=padding)
    grey = read_image(tmp_path / "a.png", grey=True)
    assert "L" == grey.mode
    np.testing.assert_array_equal(process(read_image(tmp_path / "a.png")), process(grey))
