"""The IDX reader: what it reads back, and the words with which it refuses a broken file."""

import gzip
import lzma

import pytest
import torch

from cnnlab.data import DataError
from cnnlab.files.idx import decode, encode, unpack

CONTENT = bytes((0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3)) + bytes((1, 2, 3, 4, 5, 255))


def test_decodes_by_the_published_layout() -> None:
    values = decode(CONTENT, "made")
    assert values.dtype == torch.uint8
    assert values.tolist() == [[1, 2, 3], [4, 5, 255]]


@pytest.mark.parametrize("shape", [(5,), (0,), (3, 2, 4), (2, 1, 3, 3)])
def test_encode_and_decode_are_inverse(shape: tuple[int, ...]) -> None:
    values = torch.arange(torch.Size(shape).numel(), dtype=torch.uint8).reshape(shape)
    assert torch.equal(decode(encode(values), "made"), values)


def test_encodes_a_view_in_row_major_order() -> None:
    values = decode(CONTENT, "made")
    assert torch.equal(decode(encode(values.T), "made"), values.T)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must begin with 00 00 08, got an empty file"),
        (b"<html>", "is not an IDX file: it must begin with 00 00 08, got 3c 68 74 6d"),
        (b"\0\0\x0d\x01\0\0\0\0", r"must hold unsigned bytes \(IDX type 08\), got type 0d"),
        (b"\0\0\x08\0", "ends within it"),
        (CONTENT[:9], "its header states 2 axes, but the file ends within it"),
        (CONTENT[:-1], "is truncated: its header states 2×3 = 6 values, got 5"),
        (CONTENT + b"\0", "is too long: its header states 2×3 = 6 values, got 7"),
    ],
    ids=["empty", "page", "floats", "no axes", "cut header", "cut values", "too many values"],
)
def test_refuses_a_broken_file_with_a_reason(content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        decode(content, "train-images")
    assert str(caught.value).startswith("train-images ")


@pytest.mark.parametrize(
    ("name", "packed"),
    [("x", CONTENT), ("x.gz", gzip.compress(CONTENT)), ("x.xz", lzma.compress(CONTENT))],
    ids=["plain", "gz", "xz"],
)
def test_unpacks_by_the_end_of_the_name(name: str, packed: bytes) -> None:
    assert unpack(packed, name, limit=len(CONTENT)) == CONTENT
    with pytest.raises(DataError, match=f"{name} must have at most 17 bytes unpacked, but has more"):
        unpack(packed, name, limit=len(CONTENT) - 1)


def _flip(packed: bytes, at: int) -> bytes:
    return packed[:at] + bytes((packed[at] ^ 255,)) + packed[at + 1 :]


NOISE = bytes(range(256)) * 4


@pytest.mark.parametrize("name", ["x.gz", "x.xz"])
@pytest.mark.parametrize("damage", ["cut", "checksum", "stream", "short", "other"])
def test_refuses_a_damaged_archive(name: str, damage: str) -> None:
    packed = gzip.compress(NOISE) if name == "x.gz" else lzma.compress(NOISE)
    broken = {
        "cut": packed[:-9],
        "checksum": _flip(packed, len(packed) - 5),
        "stream": _flip(packed, 10),
        "short": packed[:1],
        "other": b"<html>no such file</html>",
    }[damage]
    with pytest.raises(DataError, match=f"{name} is damaged and cannot be unpacked: "):
        unpack(broken, name, limit=len(NOISE))
