"""Images as parts of a chat message: pixels only, as data URIs."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

    from models.api.settings import ApiImages


def image_part(path: Path, settings: ApiImages) -> dict[str, Any]:
    """Return the message part of an image file.

    The image is decoded (DICOM as the standard says), made no larger than ``max_side`` and encoded
    anew, so that nothing but its pixels leaves: no DICOM tag, no EXIF, no file name.

    Raises
    ------
    InputError
        If the file cannot be read as an image.
    MissingError
        If a package that reads DICOM files is not installed.
    """
    from models.images.reading import read_image

    url: dict[str, Any] = {"url": data_uri(read_image(path, dicom="corrected"), settings)}
    if settings.detail is not None:
        url["detail"] = settings.detail
    return {"type": "image_url", "image_url": url}


def data_uri(image: Image, settings: ApiImages) -> str:
    """Return an RGB image as a data URI, in one channel if it is grey."""
    from PIL import Image as images

    red, green, blue = image.split()
    seen = red if red == green == blue else image
    # a new image has no metadata that an encoder could write
    bare = images.frombytes(seen.mode, seen.size, seen.tobytes())
    bare.thumbnail((settings.max_side, settings.max_side), images.Resampling.LANCZOS)
    buffer = io.BytesIO()
    if settings.format == "jpeg":
        bare.save(buffer, "JPEG", quality=settings.quality)
    else:
        bare.save(buffer, "PNG")
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{settings.format};base64,{encoded}"
