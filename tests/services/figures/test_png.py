"""services/figures/png.py."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.figures import png


@given(st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_another_decoder_reads_the_same_pixels(width: int, height: int, draw: object) -> None:
    pixels = draw.randbytes(3 * width * height)  # type: ignore[attr-defined]
    read = np.asarray(Image.open(io.BytesIO(png.encode(pixels, width, height))))
    assert read.shape == (height, width, 3)
    assert read.tobytes() == pixels
