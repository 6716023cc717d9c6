"""Grey PNG files whose bytes do not depend on the compression library.

The pixels are stored, not compressed: zlib and zlib-ng pack the same data differently, and noise
would hardly shrink.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_BLOCK = 65535  # bytes, the most that a stored block of DEFLATE holds


def encode_png(image: NDArray[np.uint8]) -> bytes:
    r"""Return the file for grey values of shape (height, width).

    >>> encode_png(np.zeros((1, 2), np.uint8))[:4]
    b'\x89PNG'
    """
    height, width = image.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter, 0 for none
    rows[:, 1:] = image
    chunks = ((b"IHDR", header), (b"IDAT", _stored(rows.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _stored(data: bytes) -> bytes:
    blocks = [data[start : start + _BLOCK] for start in range(0, len(data), _BLOCK)]
    packed = b"\x78\x01"
    for number, block in enumerate(blocks, 1):
        last = number == len(blocks)
        packed += struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block
    return packed + struct.pack(">I", zlib.adler32(data))


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
