"""DICOM files of every kind that detectors write are read as Libra reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydicom import Dataset, Sequence
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from models.errors import InputError, MissingError
from models.images.reading import ImageWarning, read_image
from tests.models.images.dicom_files import dx, gradient, jpeg, rgb, saved

GOLDEN = Path(__file__).parents[2] / "golden" / "images"
STORED = [(8, np.uint8), (10, np.uint16), (12, np.uint16), (16, np.uint16)]


def grey(dataset: Dataset, path: Path, **settings: Any) -> np.ndarray:
    read = read_image(saved(dataset, path), **settings)
    assert read.mode == "RGB"
    pixels = np.asarray(read)
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])
    return pixels[..., 0]


def stretched(values: np.ndarray) -> np.ndarray:
    """Return what Libra makes of values: lowest to 0, highest to 255, truncated."""
    lowest, highest = float(values.min()), float(values.max())
    return ((values.astype(float) - lowest) / (highest - lowest) * 255).astype(np.uint8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "image.dcm"


@pytest.mark.parametrize(("bits", "dtype"), STORED)
def test_stored_bits_are_stretched_over_eight(bits: int, dtype: Any, file: Path) -> None:
    pixels = gradient(bits)
    assert dtype == pixels.dtype
    np.testing.assert_array_equal(stretched(pixels), grey(dx(pixels, bits), file))


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_monochrome1_is_the_negative(bits: int, file: Path) -> None:
    # brightness in steps of 1/255 of the range, so that truncation cannot differ
    pixels = (gradient(8).astype(np.uint16) * ((2**bits - 1) // 255)).astype(gradient(bits).dtype)
    positive = grey(dx(pixels, bits), file)
    negative = grey(dx(pixels, bits, PhotometricInterpretation="MONOCHROME1"), file)
    np.testing.assert_array_equal(255 - positive, negative)


@given(pixels=arrays.arrays(np.uint16, (3, 4), elements=st.integers(0, 4095)))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_brighter_values_are_never_darker(pixels: np.ndarray, file: Path) -> None:
    order = np.argsort(pixels, axis=None)
    shown = grey(dx(pixels, 12), file).ravel()[order].astype(int)
    assert (np.diff(shown) >= 0).all()
    negative = grey(dx(pixels, 12, PhotometricInterpretation="MONOCHROME1"), file)
    assert (np.diff(negative.ravel()[order].astype(int)) <= 0).all()


def test_signed_values_are_read(file: Path) -> None:
    pixels = (gradient(16).astype(np.int32) - 32_768).astype(np.int16)
    for meaning, expected in [("MONOCHROME2", pixels), ("MONOCHROME1", -pixels.astype(float))]:
        shown = grey(dx(pixels, 16, PhotometricInterpretation=meaning), file)
        np.testing.assert_array_equal(stretched(expected), shown)


def test_bits_above_the_stored_ones_are_ignored(file: Path) -> None:
    pixels = gradient(12)
    overlaid = pixels | np.uint16(0x8000)
    np.testing.assert_array_equal(stretched(pixels), grey(dx(overlaid, 12), file))


@pytest.mark.parametrize("value", [0, 77])
def test_a_constant_image_is_black(value: int, file: Path) -> None:
    pixels = np.full((8, 8), value, np.uint16)
    for meaning in ("MONOCHROME1", "MONOCHROME2"):
        assert not grey(dx(pixels, 12, PhotometricInterpretation=meaning), file).any()


def test_a_window_clips_what_is_outside(file: Path) -> None:
    pixels = gradient(12)
    shown = grey(dx(pixels, 12, WindowCenter=2000, WindowWidth=1000), file)
    assert (shown[pixels < 1499] == 0).all()
    assert (shown[pixels > 2500] == 255).all()
    np.testing.assert_allclose(127, shown[np.abs(pixels.astype(int) - 2000) < 4], atol=1)


def test_of_several_windows_the_first_counts(file: Path) -> None:
    pixels = gradient(12)
    one = grey(dx(pixels, 12, WindowCenter=2000, WindowWidth=1000), file)
    two = grey(dx(pixels, 12, WindowCenter=[2000, 100], WindowWidth=[1000, 50]), file)
    np.testing.assert_array_equal(one, two)


def test_the_callers_window_replaces_the_files(file: Path) -> None:
    pixels = gradient(12)
    table = Sequence([_table(np.arange(4096)[::-1])])
    own = grey(dx(pixels, 12, WindowCenter=2000, WindowWidth=1000), file)
    elements = {"WindowCenter": 9, "WindowWidth": 9, "VOILUTFunction": "SIGMOID"}
    other = dx(pixels, 12, VOILUTSequence=table, **elements)
    np.testing.assert_array_equal(own, grey(other, file, window=(2000, 1000)))


def _table(values: np.ndarray) -> Dataset:
    table = Dataset()
    table.LUTDescriptor = [len(values), 0, 16]
    table.LUTData = values.astype(np.uint16).tobytes()
    table["LUTData"].VR = "OW"
    return table


def test_a_look_up_table_goes_before_a_window(file: Path) -> None:
    pixels = gradient(12)
    table = _table(np.minimum(np.arange(4096) * 4, 8000))
    dataset = dx(pixels, 12, VOILUTSequence=Sequence([table]), WindowCenter=9, WindowWidth=9)
    expected = stretched(np.minimum(pixels.astype(int) * 4, 8000))
    np.testing.assert_array_equal(expected, grey(dataset, file))


def test_published_windows_stored_values_and_corrected_rescaled_ones(file: Path) -> None:
    pixels = gradient(12)
    elements = {"RescaleSlope": 2, "RescaleIntercept": -1000}
    dataset = dx(pixels, 12, WindowCenter=3000, WindowWidth=2000, **elements)
    plain = dx(pixels, 12, WindowCenter=3000, WindowWidth=2000)
    np.testing.assert_array_equal(grey(plain, file), grey(dataset, file))
    rescaled = pixels.astype(float) * 2 - 1000
    expected = stretched(np.clip((rescaled - 2999.5) / 1999 + 0.5, 0, 1))
    corrected = grey(dataset, file, dicom="corrected").astype(int)
    np.testing.assert_allclose(expected, corrected, atol=1)


def test_both_modes_agree_where_no_rescale_changes_anything(file: Path) -> None:
    elements = {"RescaleSlope": 1, "RescaleIntercept": 0}
    dataset = dx(gradient(12), 12, WindowCenter=2000, WindowWidth=1000, **elements)
    np.testing.assert_array_equal(grey(dataset, file), grey(dataset, file, dicom="corrected"))


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_compression_changes_nothing(syntax: Any, bits: int, file: Path) -> None:
    pixels = gradient(bits)
    dataset = dx(pixels, bits)
    dataset.compress(syntax)
    np.testing.assert_array_equal(stretched(pixels), grey(dataset, file))


@pytest.mark.parametrize("name", ["jpeg_ls", "jpeg_lossless"])
def test_jpeg_ls_and_lossless_jpeg_change_nothing(name: str) -> None:
    y, x = np.indices((48, 40))
    expected = stretched((x * 97 + y * 53 + (x * y) % 61 * 7) % 4096)
    shown = np.asarray(read_image(GOLDEN / f"{name}.dcm"))[..., 0]
    np.testing.assert_array_equal(expected, shown)


def test_deflated_files_are_read(file: Path) -> None:
    dataset = dx(gradient(12), 12)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    np.testing.assert_array_equal(stretched(gradient(12)), grey(dataset, file))


def test_baseline_jpeg_is_nearly_the_same(file: Path) -> None:
    shown = grey(jpeg(gradient(8)), file)
    np.testing.assert_allclose(stretched(gradient(8)), shown, atol=6)


def test_colours_are_kept(file: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (9, 7, 3), np.uint8)
    pixels[0, 0], pixels[0, 1] = 0, 255
    np.testing.assert_array_equal(pixels, np.asarray(read_image(saved(rgb(pixels), file))))


def test_palettes_are_looked_up(file: Path) -> None:
    index = np.array([[0, 1], [2, 1]], np.uint8)
    tables = {}
    for colour, values in {"Red": [0, 255, 0], "Green": [0, 0, 255], "Blue": [0, 9, 0]}.items():
        tables[f"{colour}PaletteColorLookupTableDescriptor"] = [3, 0, 16]
        data = (np.array(values, np.uint16) * 257).tobytes()
        tables[f"{colour}PaletteColorLookupTableData"] = data
    dataset = dx(index, 8, PhotometricInterpretation="PALETTE COLOR", **tables)
    shown = np.asarray(read_image(saved(dataset, file)))
    expected = [[[0, 0, 0], [255, 0, 9]], [[0, 255, 0], [255, 0, 9]]]
    np.testing.assert_array_equal(expected, shown)


def test_the_first_frame_is_read_and_said(file: Path) -> None:
    frames = np.stack([gradient(12), gradient(12)[::-1]])
    with pytest.warns(ImageWarning, match=r"image\.dcm: the first of 2 frames"):
        shown = grey(dx(frames, 12, NumberOfFrames=2), file)
    np.testing.assert_array_equal(stretched(gradient(12)), shown)


def test_a_dicom_file_is_known_by_its_content(tmp_path: Path) -> None:
    np.testing.assert_array_equal(
        stretched(gradient(12)), grey(dx(gradient(12), 12), tmp_path / "nameless")
    )


@pytest.mark.parametrize("implicit", [True, False])
def test_a_file_without_header_is_known_by_its_name(implicit: bool, tmp_path: Path) -> None:
    dataset = dx(gradient(12), 12)
    del dataset.file_meta
    path = tmp_path / "bare.DCM"
    dataset.save_as(path, enforce_file_format=False, implicit_vr=implicit, little_endian=True)
    shown = np.asarray(read_image(path))[..., 0]
    np.testing.assert_array_equal(stretched(gradient(12)), shown)


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless])
def test_files_cut_short_are_refused(syntax: Any, file: Path) -> None:
    dataset = dx(gradient(12), 12)
    if syntax:
        dataset.compress(syntax)
    whole = saved(dataset, file).read_bytes()
    for kept in (140, len(whole) // 4, len(whole) // 2, len(whole) - 20):
        file.write_bytes(whole[:kept])
        with pytest.raises(InputError, match=r"image\.dcm: .*(good copy|copied whole)"):
            read_image(file)


def test_an_object_without_image_is_refused(file: Path) -> None:
    dataset = dx(gradient(12), 12)
    del dataset.PixelData
    with pytest.raises(InputError, match="holds no image"):
        read_image(saved(dataset, file))


def test_too_many_pixels_are_refused_before_they_are_decoded(file: Path) -> None:
    dataset = dx(gradient(12), 12, Rows=30_000, Columns=30_000)
    with pytest.raises(InputError, match="more than 89,478,485 pixels"):
        read_image(saved(dataset, file))


def test_an_unknown_compression_is_named(file: Path) -> None:
    dataset = jpeg(gradient(8))
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    with pytest.raises(InputError, match="MPEG2 Main Profile"):
        read_image(saved(dataset, file))


def test_a_missing_plug_in_is_named_with_the_command(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pydicom.pixels.decoders import JPEG2000LosslessDecoder

    dataset = dx(gradient(12), 12)
    dataset.compress(JPEG2000Lossless)
    saved(dataset, file)
    monkeypatch.setattr(JPEG2000LosslessDecoder, "_available", {})
    with pytest.raises(MissingError, match=r'JPEG 2000.*pip install "cxr-harness\[dicom\]"'):
        read_image(file)


def test_a_missing_pydicom_is_named_with_the_command(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(dx(gradient(12), 12), file)
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    with pytest.raises(MissingError, match=r'pip install "cxr-harness\[dicom\]"'):
        read_image(file)


def test_errors_say_nothing_of_the_patient(file: Path) -> None:
    whole = saved(dx(gradient(12), 12), file).read_bytes()
    file.write_bytes(whole[:-100])
    with pytest.raises(InputError) as caught:
        read_image(file)
    assert "Invented" not in str(caught.value)
