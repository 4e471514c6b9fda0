"""Pixels as a PNG file: what SVG has no short form for."""

from __future__ import annotations

import base64
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TRUECOLOUR = 2  # the colour type: red, green and blue, a byte each


def encode(pixels: bytes, width: int, height: int) -> bytes:
    """Encode rows of red, green and blue bytes. Source: ISO/IEC 15948 (PNG), chunks IHDR, IDAT and IEND."""
    row = 3 * width
    unfiltered = b"".join(b"\0" + pixels[row * y : row * (y + 1)] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, TRUECOLOUR, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(unfiltered)), (b"IEND", b"")
    return SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def address(content: bytes) -> str:
    """The file as an address that holds it: `data:image/png;base64,…`."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
