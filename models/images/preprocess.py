"""From an RGB image to a vision tower's pixels, as its preprocessor_config.json says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from PIL import Image

from models.arguments import check_argument
from models.errors import InputError, MissingError

Padding = Literal["mean", "black"]
CONFIG_FILE = "preprocessor_config.json"

_CLIP = {"image_mean": (0.48145466, 0.4578275, 0.40821073)}
_CLIP |= {"image_std": (0.26862954, 0.26130258, 0.27577711)}
_HALF = {"image_mean": (0.5, 0.5, 0.5), "image_std": (0.5, 0.5, 0.5)}
_CROPPED: dict[str, Any] = {"size": 224, "do_center_crop": True, "crop_size": 224, "resample": 3}
_EXACT: dict[str, Any] = {"size": 224, "do_center_crop": False, "crop_size": None}
# what each processor of transformers takes for a key that the file leaves out
_DEFAULTS: dict[str, dict[str, Any]] = {
    "CLIP": {**_CROPPED, **_CLIP},
    "Bit": {**_CROPPED, **_CLIP},
    "Siglip": {**_EXACT, **_HALF, "resample": 3},
    "ViT": {**_EXACT, **_HALF, "resample": 2},
}
_STEPS = {"do_resize": True, "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255}
_MOST_PIXELS = 4096
"""Of an edge; no vision tower reads more, and one image would fill the memory."""


class _Size(NamedTuple):
    """Pixels of the result, or of its shorter edge with the ratio kept."""

    height: int
    width: int
    shortest_edge: bool


class Preprocessor:
    """Turns RGB images into float32 pixels ``[3, S, S]``.

    Equals transformers' CLIPImageProcessor, BitImageProcessor, SiglipImageProcessor and
    ViTImageProcessor on Pillow images, without importing transformers, and whether torchvision is
    there or not (with it, those classes resize differently).

    Parameters
    ----------
    config
        The content of a tower's ``preprocessor_config.json``.
    aspect_ratio
        ``pad``: centred on a square first (Libra's and LLaVA's ``image_aspect_ratio``); anything
        else: the processor directly.
    padding
        Colour of the padding: ``mean`` is ``int(255 * mean)`` per channel, as at inference,
        ``black`` as in Libra's training.

    Raises
    ------
    InputError
        If the config names another processor, or does not give square images of one size.
    """

    def __init__(
        self, config: Mapping[str, Any], aspect_ratio: str = "pad", padding: Padding = "mean"
    ) -> None:
        check_argument("config", config, Mapping)
        if padding not in get_args(Padding):
            raise InputError(f'padding must be "mean" or "black", not "{padding}".')
        settings = {**_STEPS, **_DEFAULTS[_kind(config)], **config}
        self._pad = aspect_ratio == "pad"
        self._resize = _size(settings, "size") if settings["do_resize"] else None
        self._crop = _size(settings, "crop_size") if settings["do_center_crop"] else None
        self._resample = _resample(settings["resample"])
        self._scale = _factor(settings["rescale_factor"]) if settings["do_rescale"] else 1.0
        normalize = settings["do_normalize"]
        mean = _three(settings["image_mean"])
        self._mean = mean if normalize else (0.0, 0.0, 0.0)
        self._std = _three(settings["image_std"]) if normalize else (1.0, 1.0, 1.0)
        if 0.0 in self._std:
            raise InputError("image_std must not be 0. Correct it.")
        channels = [int(255 * value) for value in mean]
        self._fill = (channels[0], channels[1], channels[2]) if padding == "mean" else (0, 0, 0)
        self.size = self._square()

    @classmethod
    def from_folder(
        cls, folder: str | Path, aspect_ratio: str = "pad", padding: Padding = "mean"
    ) -> Preprocessor:
        """Read ``preprocessor_config.json`` of a vision tower's folder.

        Raises
        ------
        MissingError
            If it is not there.
        InputError
            If it is not JSON, or as for the class.
        """
        check_argument("folder", folder, str, Path)
        path = Path(folder) / CONFIG_FILE
        try:
            config = json.loads(path.read_text("utf-8"))
        except FileNotFoundError as error:
            raise MissingError(
                f"{path} is not there. Copy it from the vision tower's page on its hub."
            ) from error
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read as JSON. Fetch the file again.") from error
        if not isinstance(config, dict):
            raise InputError(f"{path}: must hold a JSON object. Fetch the file again.")
        try:
            return cls(config, aspect_ratio, padding)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def __call__(self, image: Image.Image) -> np.ndarray:
        """Return float32 pixels ``[3, S, S]`` of an image of mode RGB, or L."""
        return self.normalised(self.cropped(image))

    def cropped(self, image: Image.Image) -> np.ndarray:
        """Return uint8 ``[S, S, 3]``: padded, resized and cropped; what a cache keeps."""
        check_argument("image", image, Image.Image)
        if image.mode == "L" and len(set(self._fill)) > 1:
            image = image.convert("RGB")
        if self._pad:
            image = pad_to_square(image, self._fill)
        if self._resize:
            image = image.resize(_target(image, self._resize), self._resample)
        pixels = np.asarray(image)
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[..., None], 3, axis=2)
        return _centre_crop(pixels, self._crop) if self._crop else pixels

    def normalised(self, cropped: np.ndarray) -> np.ndarray:
        """Return float32 pixels ``[3, S, S]`` of what ``cropped`` gives."""
        # float64 until rescaled, float32 from there on, as in transformers
        scaled = (cropped.astype(np.float64) * self._scale).astype(np.float32)
        mean, std = np.array([self._mean, self._std], np.float32)
        normal = (scaled - mean) / std
        return np.ascontiguousarray(normal.transpose(2, 0, 1), dtype=np.float32)

    def signature(self) -> dict[str, Any]:
        """Return plain JSON values that change whenever the pixels can."""
        return {
            "pad": list(self._fill) if self._pad else None,
            "resize": list(self._resize) if self._resize else None,
            "crop": list(self._crop) if self._crop else None,
            "resample": int(self._resample),
            "scale": self._scale,
            "mean": list(self._mean),
            "std": list(self._std),
        }

    def _square(self) -> int:
        final = self._crop or self._resize
        squared = self._pad or self._crop or (final and not final.shortest_edge)
        if final is None or not squared or final.height != final.width:
            raise InputError(
                "size and crop_size must make images of one square size. Set crop_size, or size "
                "with an equal height and width."
            )
        return final.height


def pad_to_square(image: Image.Image, fill: tuple[int, int, int]) -> Image.Image:
    """Return the image centred on a square of its longer edge; an odd pixel goes to the end.

    An image of mode L is set on the first channel of ``fill``.
    """
    width, height = image.size
    if width == height:
        return image
    edge = max(width, height)
    square = Image.new(image.mode, (edge, edge), fill[0] if image.mode == "L" else fill)
    square.paste(image, ((edge - width) // 2, (edge - height) // 2))
    return square


def _kind(config: Mapping[str, Any]) -> str:
    """Return the key of `_DEFAULTS`: older files name a feature extractor, newer ones a backend."""
    named = config.get("image_processor_type") or config.get("feature_extractor_type")
    kind = str(named)
    for ending in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        kind = kind.removesuffix(ending)
    if kind not in _DEFAULTS:
        known = ", ".join(f"{name}ImageProcessor" for name in _DEFAULTS)
        raise InputError(f"image_processor_type {named} is not known. Known: {known}.")
    return kind


def _size(settings: Mapping[str, Any], key: str) -> _Size:
    """Return a size given as a number, or as height and width, or as the shortest edge.

    A number is the shortest edge where a crop follows, as CLIP's first files mean it.
    """
    given = settings[key]
    if isinstance(given, Mapping) and set(given) == {"shortest_edge"}:
        given, edge = given["shortest_edge"], True
    elif isinstance(given, Mapping) and set(given) == {"height", "width"}:
        return _Size(_positive(given["height"], key), _positive(given["width"], key), False)
    else:
        edge = key == "size" and bool(settings["do_center_crop"])
    return _Size(_positive(given, key), _positive(given, key), edge)


def _positive(value: Any, key: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(
            f"{key} must be pixels: a number, height and width, or shortest_edge. Correct it."
        )
    if value > _MOST_PIXELS:
        raise InputError(f"{key} {value} is above {_MOST_PIXELS} pixels. Correct it.")
    return value


def _three(values: Any) -> tuple[float, float, float]:
    try:
        red, green, blue = [values] * 3 if isinstance(values, int | float) else values
        numbers = float(red), float(green), float(blue)
    except (TypeError, ValueError) as error:
        raise InputError(
            "image_mean and image_std must have three numbers. Correct them."
        ) from error
    if not np.isfinite(numbers).all():
        raise InputError("image_mean and image_std must be finite. Correct them.")
    return numbers


def _factor(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError("rescale_factor must be a number. Correct it.")
    return float(value)


def _resample(value: Any) -> Image.Resampling:
    try:
        return Image.Resampling(value)
    except ValueError as error:
        raise InputError(f"resample {value} is no filter of Pillow. Give 0 to 5.") from error


def _target(image: Image.Image, size: _Size) -> tuple[int, int]:
    """Return the width and height to resize to."""
    if not size.shortest_edge:
        return size.width, size.height
    longer = int(size.width * max(image.size) / min(image.size))
    return (size.width, longer) if image.width <= image.height else (longer, size.width)


def _centre_crop(pixels: np.ndarray, size: _Size) -> np.ndarray:
    """Return the middle of ``[H, W, 3]`` pixels; what is too small is set on black first."""
    for axis, wanted in enumerate((size.height, size.width)):
        lacking = max(0, wanted - pixels.shape[axis])
        widths = [(0, 0)] * 3
        widths[axis] = ((lacking + 1) // 2, lacking // 2)
        pixels = np.pad(pixels, widths) if lacking else pixels
        start = (pixels.shape[axis] - wanted) // 2
        pixels = np.take(pixels, range(start, start + wanted), axis)
    return pixels
