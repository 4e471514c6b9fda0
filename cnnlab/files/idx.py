"""The IDX format, in which MNIST and its successors are published.

A header of four bytes (0, 0, type, number of axes) and a big-endian 32-bit length for each axis is followed
by the values in row-major order. Images and labels only use type 8, the unsigned byte.
Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

import gzip
import io
import lzma
import math
import struct
import zlib

import torch
from torch import Tensor

from cnnlab.data import DataError

SUFFIXES = ("", ".gz", ".xz")  # plain and packed, in the order of the search
_UNSIGNED_BYTE = 8


def unpack(packed: bytes, name: str, limit: int) -> bytes:
    """Return the content of a file that is plain, .gz or .xz, according to its name.

    A damaged file is a DataError, and so is content of more than `limit` bytes: a small file may unpack to
    more than fits in memory.
    """
    try:
        if name.endswith(".gz"):
            with gzip.open(io.BytesIO(packed)) as file:
                content = file.read(limit + 1)
        elif name.endswith(".xz"):
            with lzma.open(io.BytesIO(packed)) as file:
                content = file.read(limit + 1)
        else:
            content = packed
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{name} is damaged and cannot be unpacked: {error}") from error
    if len(content) > limit:
        raise DataError(f"{name} must have at most {limit:,} bytes unpacked, but has more")
    return content


def decode(content: bytes, name: str) -> Tensor:
    """Return the uint8 tensor in the unpacked content of an IDX file, in the shape of its header."""
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(f"{name} is not an IDX file: it must begin with 00 00 08, got {_spell(content[:4])}")
    kind, axes = content[2], content[3]
    if kind != _UNSIGNED_BYTE:
        raise DataError(f"{name} must hold unsigned bytes (IDX type 08), got type {kind:02x}")
    start = 4 + 4 * axes
    if axes == 0 or len(content) < start:
        raise DataError(f"{name} is truncated: its header states {axes} axes, but the file ends within it")
    shape = struct.unpack(f">{axes}I", content[4:start])
    promised, got = math.prod(shape), len(content) - start
    if got != promised:
        sizes = "×".join(str(length) for length in shape)
        fault = "truncated" if got < promised else "too long"
        raise DataError(f"{name} is {fault}: its header states {sizes} = {promised:,} values, got {got:,}")
    # A bytearray, because torch warns about read-only memory.
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)[start:].reshape(shape)


def encode(values: Tensor) -> bytes:
    """Return the content of an IDX file for a uint8 tensor; `decode` is the inverse."""
    header = bytes((0, 0, _UNSIGNED_BYTE, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.numpy().tobytes()


def _spell(content: bytes) -> str:
    return content.hex(" ") or "an empty file"
