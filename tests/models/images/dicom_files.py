"""Writes DX files of pictures that were made up, as a detector would."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import DigitalXRayImageStorageForPresentation as DX
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid


def gradient(bits: int = 12, rows: int = 64, columns: int = 72) -> np.ndarray:
    """Return ``[rows, columns]`` with every brightness from 0 to the highest of so many bits."""
    y, x = np.indices((rows, columns))
    ramp = (x + y) / (rows + columns - 2) * (2**bits - 1)
    return ramp.astype(np.uint8 if bits == 8 else np.uint16)


def dx(pixels: np.ndarray, bits: int, **elements: Any) -> Dataset:
    """Return a DX image; elements are set last and may replace anything."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DX
    dataset.SOPInstanceUID = generate_uid()
    dataset.PatientName = "Invented^Name"
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.SamplesPerPixel = 1
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    for name, value in elements.items():
        setattr(dataset, name, value)
    return dataset


def rgb(pixels: np.ndarray) -> Dataset:
    """Return a colour image of ``[rows, columns, 3]`` uint8."""
    dataset = dx(pixels[..., 0], 8, PhotometricInterpretation="RGB", SamplesPerPixel=3)
    dataset.PlanarConfiguration = 0
    dataset.PixelData = pixels.tobytes()
    return dataset


def jpeg(pixels: np.ndarray) -> Dataset:
    """Return a uint8 image compressed as baseline JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    dataset = dx(pixels, 8)
    dataset.PixelData = encapsulate([buffer.getvalue()])
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return dataset


def saved(dataset: Dataset, path: Path) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path
