"""The IDX format, in which MNIST and its successors are published.

A header of four bytes (0, 0, type, number of axes) and one big-endian 32-bit length an axis is followed by
the values in row-major order. Type 8 is the unsigned byte, the only one images and labels use.
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

SUFFIXES = ("", ".gz", ".xz")  # plain and packed, in the order in which a file is looked for
_UNSIGNED_BYTE = 8


def unpack(packed: bytes, name: str, limit: int) -> bytes:
    """Return the content of a file that is plain, .gz or .xz, as the end of its name says.

    A damaged file is a DataError, and so is a content of more than `limit` bytes: a small file may unpack
    to more than the memory holds.
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
        raise DataError(f"{name} must hold {limit:,} bytes unpacked, but holds more")
    return content


def decode(content: bytes, name: str) -> Tensor:
    """Turn the unpacked content of an IDX file into a uint8 tensor of the shape its header states."""
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
    # A bytearray because torch warns of memory that it must not write to.
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)[start:].reshape(shape)


def encode(values: Tensor) -> bytes:
    """Turn a uint8 tensor into the content of an IDX file; `decode` gives it back."""
    header = bytes((0, 0, _UNSIGNED_BYTE, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.numpy().tobytes()


def _spell(content: bytes) -> str:
    return content.hex(" ") or "an empty file"
