"""Read an image file, DICOM or any format that Pillow knows, as 8-bit RGB.

Every problem is one `InputError` that names the file, what is wrong with it and how to mend it;
a package that is not installed is a `MissingError`. Neither quotes anything of the file.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image, UnidentifiedImageError

from models.arguments import check_argument
from models.errors import InputError

DicomMode = Literal["published", "corrected"]
DICOM_MODES: tuple[DicomMode, ...] = get_args(DicomMode)
MOST_PIXELS = 89_478_485
"""More pixels than this are refused; where Pillow starts to warn of decompression bombs."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/|data:")
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_REPLACE = "Replace the file with a good copy."


class ImageWarning(UserWarning):
    """An image was read, but not all of it."""


def read_image(
    source: str | Path | Image.Image | np.ndarray,
    *,
    dicom: DicomMode = "published",
    window: tuple[float, float] | None = None,
    grey: bool = False,
) -> Image.Image:
    """Return an image of mode RGB, 8 bit per channel, as Libra's towers are given it.

    Parameters
    ----------
    source
        A local file, a Pillow image, or an array ``[H, W]`` or ``[H, W, 3]`` of uint8, uint16 (257
        steps are one) or float in 0 to 1. 8-bit images equal Pillow's ``convert("RGB")``; 16-bit
        values v become round(v / 257). EXIF orientation is not applied, as in Libra.
    dicom
        ``published`` applies the window of a DICOM file to its stored values, as Libra does;
        ``corrected`` applies the modality transform (rescale) first, as the standard says.
    window
        Centre and width that replace a DICOM file's own window.
    grey
        Leave an image that has only grey in mode L: a third of the work for what follows.

    Raises
    ------
    InputError
        If there is no readable image: the file is missing, empty, damaged, of another kind, or
        too large; the source is an address; or the array has another shape, dtype or range.
    MissingError
        If pydicom or the plug-in for a compressed DICOM file is not installed.
    """
    _check_settings(dicom, window)
    image = _read(source, dicom, window)
    return image if grey or image.mode == "RGB" else image.convert("RGB")


def _read(source: object, dicom: DicomMode, window: tuple[float, float] | None) -> Image.Image:
    """Return an image of mode RGB, or L where it has only grey."""
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _from_pillow(source)
    if not isinstance(source, str | Path):
        kind = type(source).__name__
        raise InputError(f"An image cannot be {kind}. Give a path, a Pillow image or an array.")
    return _from_file(source, dicom, window)


def _check_settings(dicom: str, window: tuple[float, float] | None) -> None:
    check_argument("dicom", dicom, str)
    if dicom not in DICOM_MODES:
        raise InputError(f'dicom must be "published" or "corrected", not "{dicom}".')
    if window is None:
        return
    check_argument("window", window, tuple, list)
    for number in window:
        check_argument("A number of window", number, int, float, np.number)
    if len(window) != 2 or not np.isfinite(window).all() or window[1] < 1:
        raise InputError("window must be two numbers, centre and width, with a width of 1 or more.")


def _from_file(
    source: str | Path, dicom: DicomMode, window: tuple[float, float] | None
) -> Image.Image:
    if _ADDRESS.match(str(source)):
        raise InputError("An image is an address. Download it and give the path of the file.")
    path = Path(source)
    head = _head(path)
    if head[128:] == b"DICM" or path.suffix.lower() == ".dcm":
        from models.images.dicom import read_dicom

        return Image.fromarray(read_dicom(path, dicom, window))
    if window is not None:
        raise InputError(f"{path}: only DICOM files have a window. Leave window out for this file.")
    try:
        with Image.open(path) as image:
            return _convert(image, str(path))
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path}: this is not an image that can be read. "
            "Give a JPEG, PNG, TIFF or DICOM file, and check that it was copied whole."
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_large(path) from error
    except (InputError, ImageWarning):
        raise
    except Exception as error:  # Pillow's plug-ins raise anything on a damaged file
        raise damaged(path, error) from error


def _head(path: Path) -> bytes:
    """Return the first 132 bytes, where a DICOM file says that it is one."""
    try:
        if not path.exists():
            raise InputError(f"{path}: there is no such file. Check the path and the image folder.")
        if not path.is_file():
            raise InputError(f"{path}: this is a folder or a device. Give the path of an image.")
        with path.open("rb") as file:
            head = file.read(132)
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it. Change its permissions.") from error
    except InputError:
        raise
    except (OSError, ValueError) as error:
        kind = type(error).__name__
        raise InputError(f"{path}: it cannot be opened ({kind}). Check path and disk.") from error
    if not head:
        raise InputError(f"{path}: the file is empty. {_REPLACE}")
    return head


def _from_pillow(image: Image.Image) -> Image.Image:
    try:
        return _convert(image, "the image given")
    except (InputError, ImageWarning):
        raise
    except Exception as error:  # an opened file is decoded, and found to be damaged, only now
        raise damaged("the image given", error) from error


def _convert(image: Image.Image, name: str) -> Image.Image:
    """Return a Pillow image of any mode as 8-bit RGB, or L where it has only grey."""
    if image.width * image.height > MOST_PIXELS:
        raise too_large(name)
    if not image.width or not image.height:
        raise InputError(f"{name}: there are no pixels. Give an image with some.")
    n_frames = getattr(image, "n_frames", 1)
    if n_frames > 1:
        say_first_of(n_frames, name)
    if image.mode in _SIXTEEN_BITS or image.mode == "I":
        return Image.fromarray(_eight_bits(np.asarray(image), name))
    if image.mode == "F":
        raise InputError(f"{name}: pixels are fractions. Save the image with 8 or 16 bits.")
    if isinstance(image.info.get("transparency"), bytes):
        # Pillow warns that it drops the palette's transparency, which is what is wanted
        image = image.copy()
        del image.info["transparency"]
    return image.convert("L" if image.mode == "L" else "RGB")


def _from_array(array: np.ndarray) -> Image.Image:
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)) or not array.size:
        raise InputError(
            f"An image array has the shape {array.shape}. "
            "Give [height, width] or [height, width, 3]."
        )
    if array.dtype == np.uint16:
        array = _eight_bits(array, "the array given")
    elif np.issubdtype(array.dtype, np.floating):
        if not (array.min() >= 0 and array.max() <= 1):
            raise InputError("A float image array must hold values from 0 to 1. Rescale it.")
        array = np.rint(array * 255.0).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise InputError(
            f"An image array has the dtype {array.dtype}. Give uint8, uint16 or float from 0 to 1."
        )
    return Image.fromarray(np.ascontiguousarray(array))


def _eight_bits(pixels: np.ndarray, name: str) -> np.ndarray:
    """Return 16-bit values divided by 257 and rounded, so that 257 v gives v."""
    if pixels.min() < 0 or pixels.max() > 65_535:
        raise InputError(f"{name}: pixels need more than 16 bits. Save the image with 16.")
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def too_large(name: Any) -> InputError:
    """Return the error for an image with more pixels than may be decoded."""
    return InputError(
        f"{name}: more than {MOST_PIXELS:,} pixels, which no radiograph has. Make it smaller."
    )


def damaged(name: Any, error: Exception) -> InputError:
    """Return the error for a file that a decoder gave up on, without the decoder's words."""
    kind = type(error).__name__
    return InputError(f"{name}: the file is damaged or cut short ({kind}). {_REPLACE}")


def say_first_of(n_frames: int, name: Any) -> None:
    """Warn that only the first of several frames or pages is read."""
    warnings.warn(f"{name}: the first of {n_frames} frames is read.", ImageWarning, stacklevel=2)
