"""services/figures/first_layer.py."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from drawn_figures import all_of, parsed, texts
from PIL import Image

from services.figures.first_layer import first_layer

IMAGE = (1, 8, 8)


def sheet(drawn: str | None) -> np.ndarray:
    """The picture within a figure, as another decoder reads it."""
    assert drawn is not None
    (image,) = all_of(parsed(drawn), "image")
    head, _, content = image.get("href", "").partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((6, 1, 5, 5), (2 * 6 - 1, 3 * 6 - 1)),
        ((70, 3, 3, 3), (31, 31)),
        ((4, 16, 3, 3), (7, 7)),
        ((5, 64), (2 * 9 - 1, 3 * 9 - 1)),
        ((1, 1, 1, 1), (1, 1)),
    ],
)
def test_a_first_layer_is_a_sheet_of_its_kernels(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    weight = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    drawn = sheet(first_layer("t000", weight, IMAGE))
    assert drawn.shape == (*size, 3)
    assert (drawn != sheet(first_layer("t000", -weight, IMAGE))).any()


def test_negative_is_blue_zero_white_and_positive_red() -> None:
    weight = np.array([-2.0, 0.0, 2.0, 1.0], np.float32).reshape(1, 1, 2, 2)
    drawn = first_layer("t000 <b>", weight, IMAGE)
    (blue, white), (red, pink) = sheet(drawn)
    assert blue[2] > blue[0]
    assert (white >= 250).all()
    assert red[0] > red[2]
    assert pink[0] > red[0]
    assert texts(parsed(drawn or "")) == ["t000 <b>", "first layer, from -2 to 2"]


def test_three_channels_are_colours_around_grey() -> None:
    weight = np.zeros((1, 3, 1, 2), np.float32)
    weight[0, 0, 0, 1], weight[0, 1, 0, 1] = 1, -1
    grey, orange = sheet(first_layer("t", weight, (3, 8, 8)))[0]
    assert (grey == 128).all()
    assert list(orange) == [255, 0, 128]


def test_a_first_layer_that_makes_no_picture_is_left_out() -> None:
    assert first_layer("t000", np.zeros((5, 63), np.float32), IMAGE) is None
    assert first_layer("t000", np.full((5, 1, 3, 3), np.nan, np.float32), IMAGE) is None
    assert first_layer("t000", np.zeros((0, 1, 3, 3), np.float32), IMAGE) is None
    assert first_layer("t000", np.zeros((5, 1, 3, 3), np.float32), IMAGE) is not None
