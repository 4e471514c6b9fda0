"""One image file: its pixels after rotation, cropping and scaling, and files that are refused."""

import io
import struct

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from cnnlab.data import DamagedData, DataError
from cnnlab.files import image_file
from cnnlab.files.image_file import check_header, decode


def file(image, form="PNG", **more):
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()


def grey(*rows):
    image = Image.new("L", (len(rows[0]), len(rows)))
    image.putdata([value for row in rows for value in row])
    return image


def test_an_image_of_the_size_keeps_its_pixels():
    pixels = decode(file(grey([1, 2], [3, 4])), "x.png", 2, 1)
    assert pixels.dtype == torch.uint8
    assert pixels.tolist() == [[[1, 2], [3, 4]]]


def test_channels_come_first():
    image = Image.new("RGB", (2, 2), (10, 20, 30))
    assert decode(file(image), "x.png", 2, 3)[:, 0, 0].tolist() == [10, 20, 30]
    assert decode(file(grey([7, 7], [7, 7])), "x.png", 2, 3)[:, 1, 1].tolist() == [7, 7, 7]


def test_the_centred_square_is_kept():
    wide = grey([0, 5, 6, 0], [0, 7, 8, 0])
    assert decode(file(wide), "x.png", 2, 1).tolist() == [[[5, 6], [7, 8]]]


def test_exif_orientation_is_applied():
    image = grey([1, 2], [3, 4])
    exif = image.getexif()
    exif[0x0112] = 3  # half a turn
    assert decode(file(image, exif=exif), "x.png", 2, 1).tolist() == [[[4, 3], [2, 1]]]


def test_transparency_is_dropped():
    image = Image.new("RGBA", (2, 2), (10, 20, 30, 0))
    assert decode(file(image), "x.png", 2, 3)[:, 0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not an image", "x.png is not a PNG, JPEG, BMP or WebP image, .* are b'not an image'"),
        (file(grey([1, 2], [3, 4]))[:-20], "x.png is damaged: OSError: Truncated"),
        (file(Image.new("I;16", (2, 2))), "x.png must have 8 bits per channel, got mode I"),
    ],
    ids=["text", "cut", "16 bits"],
)
def test_a_wrong_file_is_named(content, words):
    with pytest.raises(DataError, match=words):
        decode(content, "x.png", 2, 1)


def test_too_many_pixels_are_refused(monkeypatch):
    monkeypatch.setattr(image_file, "MAX_PIXELS", 3)
    with pytest.raises(DataError, match=r"x\.png must have at most 3 pixels, got 2×2"):
        decode(file(grey([1, 2], [3, 4])), "x.png", 2, 1)


def with_exif(exif):
    image = Image.new("RGB", (4, 2))
    image.paste((255, 255, 255), (0, 0, 2, 2))  # white on the left
    return file(image, "JPEG", exif=exif, quality=100)


def turned():
    """The EXIF of an image that is to be turned clockwise, with a resolution."""
    exif = Image.new("RGB", (1, 1)).getexif()
    exif[0x0112], exif[0x011A] = 6, 1.0
    return exif


def test_a_broken_tag_of_exif_does_not_hide_the_orientation():
    content = with_exif(turned())
    at = content.index(b"\x01\x1a\x00\x05")
    content = content[:at] + b"\x01\x1a\x00\x0a" + content[at + 4 :]  # a signed rational
    content = content.replace(b"\0\0\0\1\0\0\0\1", b"\xff\xff\xff\xff\0\0\0\0", 1)  # of −1 / 0
    with pytest.raises(struct.error):
        ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    whole = decode(with_exif(turned()), "x.jpg", 2, 1)
    assert whole[0, 0].min() > 200 > whole[0, 1].max() + 100, "white is on top"
    assert torch.equal(decode(content, "x.jpg", 2, 1), whole)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_an_image_stays_as_it_is_where_exif_cannot_be_read(form, caplog):
    content = file(Image.new("RGB", (4, 2)), form, exif=b"Exif\0\0neither II nor MM")
    assert decode(content, "x.png", 2, 1).shape == (1, 2, 2)
    assert "x.png is not rotated: its EXIF cannot be read: SyntaxError: not a TIFF file" in caplog.text


CMYK = Image.new("CMYK", (2, 2), (0, 255, 255, 0))  # red
KEYED = Image.new("RGB", (2, 2), (255, 0, 0))
PALETTE = KEYED.quantize(2)
FRAMES = [Image.new("RGB", (2, 2), colour) for colour in ((255, 0, 0), (0, 255, 0))]


@pytest.mark.parametrize(
    "content",
    [
        file(CMYK, "JPEG", quality=100),
        file(KEYED, transparency=(255, 0, 0)),
        file(PALETTE, transparency=b"\0\x80"),
        file(PALETTE, "BMP"),
        file(FRAMES[0], save_all=True, append_images=FRAMES[1:]),
        file(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:], lossless=True),
        file(KEYED.convert("RGBA"), "WEBP", lossless=True),
    ],
    ids=["CMYK", "colour key", "palette", "BMP", "animated PNG", "animated WebP", "alpha"],
)
def test_an_unusual_image_that_opens_is_used(content):
    check_header(io.BytesIO(content), "x.png")
    red, green, blue = decode(content, "x.png", 2, 3)[:, 0, 0].tolist()
    assert (red > 240, green < 20, blue < 20) == (True, True, True)


@pytest.mark.parametrize("side", [10_000, 20_000])  # of which Pillow warns, and which it refuses
def test_an_image_that_unpacks_to_too_much_is_refused_by_its_header(side):
    bomb = file(Image.new("1", (side, side)))
    assert len(bomb) < 100_000
    with pytest.raises(DamagedData, match=r"x\.png must have at most 50,000,000 pixels, got"):
        check_header(io.BytesIO(bomb), "x.png")


def test_no_pixel_is_read_for_a_header():
    check_header(io.BytesIO(file(grey([1, 2], [3, 4]))[:-20]), "x.png")


@given(st.binary(max_size=200), st.integers(0, 400))
def test_whatever_a_file_holds_it_is_pixels_or_a_named_fault(garbage, at):
    content = with_exif(turned())
    for damaged in (garbage, content[:at], content[:at] + garbage + content[at + len(garbage) :]):
        try:
            got = str(tuple(decode(damaged, "x.jpg", 2, 3).shape))
        except DamagedData as fault:
            got = str(fault)
        assert got == "(3, 2, 2)" or got.startswith("x.jpg ")
