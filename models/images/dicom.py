"""Read the pixels of a DICOM file as 8-bit values; elements about the patient are not read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.errors import InputError, MissingError
from models.images.reading import (
    MOST_PIXELS,
    DicomMode,
    ImageWarning,
    damaged,
    say_first_of,
    too_large,
)

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.pixels.decoders.base import Decoder

_INSTALL = 'Install it with `pip install "cxr-harness[dicom]"`.'
_PALETTES = [
    name
    for colour in ("Red", "Green", "Blue", "Alpha")
    for name in (
        f"{colour}PaletteColorLookupTableDescriptor",
        f"{colour}PaletteColorLookupTableData",
        f"Segmented{colour}PaletteColorLookupTableData",
    )
]
_ELEMENTS = [
    "BitsAllocated", "BitsStored", "Columns", "DoubleFloatPixelData", "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths", "FloatPixelData", "HighBit", "ModalityLUTSequence",
    "NumberOfFrames", "PhotometricInterpretation", "PixelData", "PixelRepresentation",
    "PlanarConfiguration", "RescaleIntercept", "RescaleSlope", "Rows", "SamplesPerPixel",
    "VOILUTFunction", "VOILUTSequence", "WindowCenter", "WindowWidth", *_PALETTES,
]  # fmt: skip
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def read_dicom(
    path: Path, mode: DicomMode = "published", window: tuple[float, float] | None = None
) -> np.ndarray:
    """Return uint8 pixels, ``[H, W]`` or ``[H, W, 3]``, stretched over the full range.

    The steps are Libra's: window or look-up table (the first one, a table before a window),
    negative if MONOCHROME1, minimum to 0, maximum to 255, truncated. ``corrected`` applies the
    modality transform before the window. A constant image becomes zero.

    Raises
    ------
    InputError
        If the file is damaged, holds no image, too many pixels, or an unknown compression.
    MissingError
        If pydicom or the plug-in for the file's compression is not installed.
    """
    try:
        import pydicom
    except ImportError as error:
        raise MissingError(f"{path}: DICOM needs the package pydicom. {_INSTALL}") from error
    try:
        dataset = pydicom.dcmread(path, force=True, specific_tags=list(_ELEMENTS))
        _check(dataset, path)
        return _eight_bits(_shown(_pixels(dataset, path), dataset, mode, window), dataset, path)
    except (InputError, MissingError, ImageWarning):
        raise
    except Exception as error:  # decoders of many authors: a damaged file makes them raise anything
        raise damaged(path, error) from error


def _check(dataset: Dataset, path: Path) -> None:
    if not any(name in dataset for name in _PIXELS) or "Rows" not in dataset:
        raise InputError(
            f"{path}: this DICOM file holds no image, or is cut short. "
            "Give an image object (CR, DX) that was copied whole."
        )
    if dataset.Rows * dataset.Columns > MOST_PIXELS:
        raise too_large(path)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        say_first_of(frames, path)


def _pixels(dataset: Dataset, path: Path) -> np.ndarray:
    """Return the first frame as stored, or as RGB where it has colours."""
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    decoder = _decoder(dataset, path)
    try:
        pixels = pixel_array(dataset, index=0)
    except RuntimeError as error:
        if decoder is not None and _lacks_plugin(decoder):
            raise _missing_plugin(dataset, path) from error
        raise
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        return apply_color_lut(pixels, dataset)[..., :3]
    return _without_overlay(pixels, dataset)


def _decoder(dataset: Dataset, path: Path) -> Decoder | None:
    """Return what decodes the file's compression, None if there is none.

    A file without a header names no transfer syntax; it is read as it was parsed, which needs the
    syntax to be filled in.
    """
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit = dataset.original_encoding[0]
        syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
        dataset.file_meta.TransferSyntaxUID = syntax
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return None
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise InputError(
            f"{path}: pixels compressed as {syntax.name} cannot be read. "
            "Convert the file to an uncompressed DICOM or a PNG."
        ) from error
    if not decoder.is_available:
        raise _missing_plugin(dataset, path)
    return decoder


def _lacks_plugin(decoder: Decoder) -> bool:
    return any(line.startswith("pylibjpeg") for line in decoder.missing_dependencies)


def _missing_plugin(dataset: Dataset, path: Path) -> MissingError:
    name = dataset.file_meta.TransferSyntaxUID.name
    return MissingError(f"{path}: no decoder for {name} is here. {_INSTALL}")


def _without_overlay(pixels: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return the stored bits only: retired overlays stand in the unused high bits."""
    stored = int(dataset.BitsStored)
    if pixels.dtype.kind != "u" or stored >= pixels.dtype.itemsize * 8:
        return pixels
    kept: np.ndarray = np.bitwise_and(pixels, pixels.dtype.type(2**stored - 1))
    return kept


def _shown(
    pixels: np.ndarray, dataset: Dataset, mode: DicomMode, window: tuple[float, float] | None
) -> np.ndarray:
    """Return grey values after modality transform and window; colours as they are."""
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    if not str(dataset.PhotometricInterpretation).startswith("MONOCHROME"):
        return pixels
    if window is not None:
        dataset.WindowCenter, dataset.WindowWidth = window
        for name in ("VOILUTSequence", "VOILUTFunction"):
            if name in dataset:
                delattr(dataset, name)
    if mode == "corrected":
        pixels = apply_modality_lut(pixels, dataset)
    return apply_voi_lut(pixels, dataset)


def _eight_bits(pixels: np.ndarray, dataset: Dataset, path: Any) -> np.ndarray:
    values = pixels.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError(f"{path}: some pixels are no numbers. Export the image again.")
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        values = values.max() - values
    values -= values.min()
    highest = values.max()
    if highest > 0:
        # in the original's order of operations, whose truncation depends on it
        values = values / highest * 255
    return values.astype(np.uint8)
