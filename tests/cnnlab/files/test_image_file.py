"""One image file: its pixels after rotation, cropping and scaling, and files that are refused."""

import io

import pytest
import torch
from PIL import Image

from cnnlab.data import DataError
from cnnlab.files import image_file
from cnnlab.files.image_file import decode


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
        (b"not an image", "x.png is damaged or not an image: UnidentifiedImageError"),
        (file(grey([1, 2], [3, 4]))[:-20], "x.png is damaged or not an image"),
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
