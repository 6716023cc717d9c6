"""Files, Pillow images and arrays become 8-bit RGB, or one clear error."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from models.errors import InputError
from models.images.reading import ImageWarning, read_image
from tests.models.images.dicom_files import gradient

ALL = ("L", "RGB", "RGBA", "P")
KINDS = {"PNG": ALL, "JPEG": ("L", "RGB"), "TIFF": ALL, "BMP": ALL, "WEBP": ALL, "GIF": ALL}
MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"]


def colours() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8))


def content(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", MODES)
def test_eight_bit_images_equal_pillows_conversion(mode: str) -> None:
    image = colours().convert(mode)
    expected = image.convert("RGB")
    assert expected.tobytes() == read_image(image).tobytes()


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(mode, kind) for mode in ALL for kind in KINDS if mode in KINDS[kind]],
)
def test_eight_bit_files_equal_pillows_conversion(mode: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(content(colours().convert(mode), kind))
    with Image.open(path) as image:
        expected = image.convert("RGB")
    read = read_image(path)
    assert read.mode == "RGB"
    assert expected.tobytes() == read.tobytes()
    assert read.tobytes() == read_image(str(path)).tobytes()


def test_a_palette_with_transparent_entries_gives_no_warning(tmp_path: Path) -> None:
    image = colours().convert("P")
    image.save(tmp_path / "a.png", transparency=bytes(range(256)))
    assert image.convert("RGB").tobytes() == read_image(tmp_path / "a.png").tobytes()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_files_give_the_eight_bit_picture(kind: str, tmp_path: Path) -> None:
    eight = gradient(8)
    path = tmp_path / "deep"
    path.write_bytes(content(Image.fromarray(eight.astype(np.uint16) * 257), kind))
    np.testing.assert_array_equal(eight, np.asarray(read_image(path))[..., 0])


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i4"])
def test_sixteen_bit_values_are_rounded_in_every_pillow_mode(dtype: str) -> None:
    values = np.array([[0, 128, 129, 257, 65_406, 65_535]])
    image = Image.fromarray(values.astype(dtype))
    np.testing.assert_array_equal([[0, 0, 1, 1, 254, 255]], np.asarray(read_image(image))[..., 0])


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_arrays_of_all_dtypes_give_the_same_picture(pixels: np.ndarray) -> None:
    expected = np.repeat(pixels[..., None], 3, axis=2)
    for given_as in (pixels, pixels.astype(np.uint16) * 257, pixels / 255, expected):
        np.testing.assert_array_equal(expected, np.asarray(read_image(given_as)))


@given(arrays.arrays(np.uint16, st.integers(2, 50)))
def test_a_brighter_16_bit_value_is_never_darker(values: np.ndarray) -> None:
    row = np.sort(values)[None]
    assert (np.diff(np.asarray(read_image(row))[0, :, 0].astype(int)) >= 0).all()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 2), np.int64), "dtype int64"),
        (np.zeros((2, 2), bool), "dtype bool"),
        (np.zeros((2, 2, 4), np.uint8), r"shape \(2, 2, 4\)"),
        (np.zeros((3, 2, 2), np.uint8), r"shape \(3, 2, 2\)"),
        (np.zeros(4, np.uint8), r"shape \(4,\)"),
        (np.zeros((0, 2), np.uint8), r"shape \(0, 2\)"),
        (np.full((2, 2), 1.5), "from 0 to 1"),
        (np.full((2, 2), np.nan), "from 0 to 1"),
    ],
)
def test_other_arrays_are_refused(array: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_image(array)


def test_what_is_no_image_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be list"):
        read_image([1, 2])  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pillow_images_beyond_16_bit_are_refused(mode: str) -> None:
    with pytest.raises(InputError, match="16"):
        read_image(Image.new(mode, (2, 2), 70_000))


@pytest.mark.parametrize(
    "address",
    ["https://host/a.png", "http://host/a.dcm", "s3://bucket/a.png", "data:image/png;base64,AA"],
)
def test_addresses_are_refused(address: str) -> None:
    with pytest.raises(InputError, match="Download it"):
        read_image(address)
    if "//" in address:
        with pytest.raises(InputError, match="Download it"):
            read_image(Path(address))


def test_missing_files_folders_and_devices_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.png: there is no such file"):
        read_image(tmp_path / "gone.png")
    for path in (tmp_path, Path(os.devnull)):
        with pytest.raises(InputError, match="a folder or a device"):
            read_image(path)
    for name in ("x" * 4000, "a\0b"):
        with pytest.raises(InputError, match=r"cannot be opened|no such file"):
            read_image(tmp_path / name)


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "closed.png"
    path.write_bytes(content(colours(), "PNG"))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(InputError, match=r"closed\.png: no permission"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".dcm", ".DCM"])
@pytest.mark.parametrize("words", ["", "a note that is no image\n" * 40])
def test_empty_files_and_texts_are_refused(words: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"note{suffix}"
    path.write_text(words)
    with pytest.raises(InputError, match=rf"note\{suffix}: .*\. \w+") as caught:
        read_image(path)
    assert "a note" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_files_cut_short_are_refused(kind: str, tmp_path: Path) -> None:
    whole = content(colours(), kind)
    path = tmp_path / "short.img"
    for kept in (20, len(whole) // 2, len(whole) * 3 // 4):
        path.write_bytes(whole[:kept])
        with pytest.raises(InputError, match=r"short\.img: .*(copied whole|good copy)"):
            read_image(path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_pictures_or_errors_of_ours(kind: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    path = tmp_path / "hurt.img"
    whole = np.frombuffer(content(colours(), kind), np.uint8)
    for _ in range(40):
        hurt = whole.copy()
        places = generator.integers(0, len(hurt), 8)
        hurt[places] = generator.integers(0, 256, 8)
        path.write_bytes(hurt.tobytes())
        with contextlib.suppress(InputError):
            assert read_image(path).mode == "RGB"


def test_an_opened_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.png"
    path.write_bytes(content(colours(), "PNG")[:600])
    with Image.open(path) as image, pytest.raises(InputError, match="the image given"):
        read_image(image)


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (10_000, 9_000)).save(path)
    with pytest.raises(InputError, match="more than 89,478,485 pixels"):
        read_image(path)


def test_of_several_frames_the_first_is_read_and_said(tmp_path: Path) -> None:
    path = tmp_path / "pages.tiff"
    first, second = Image.new("L", (4, 4), 9), Image.new("L", (4, 4), 200)
    first.save(path, save_all=True, append_images=[second])
    with pytest.warns(ImageWarning, match=r"pages\.tiff: the first of 2 frames"):
        assert read_image(path).getpixel((0, 0)) == (9, 9, 9)


def test_exif_orientation_is_not_applied(tmp_path: Path) -> None:
    image = Image.new("L", (8, 4))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").size == (8, 4)


def test_a_window_is_for_dicom_files_only(tmp_path: Path) -> None:
    colours().save(tmp_path / "a.png")
    with pytest.raises(InputError, match="only DICOM files have a window"):
        read_image(tmp_path / "a.png", window=(100, 50))


@pytest.mark.parametrize("window", [(1, 0.5), (1,), (float("nan"), 2)])
def test_windows_without_width_are_refused(window: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="centre and width"):
        read_image(gradient(8), window=window)


def test_unknown_dicom_modes_are_refused() -> None:
    with pytest.raises(InputError, match='"published" or "corrected"'):
        read_image(gradient(8), dicom="raw")  # type: ignore[arg-type]
