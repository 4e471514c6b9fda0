"""services/tracking/figures/first_layer.py."""

from __future__ import annotations

import numpy as np
import pytest

from services.tracking.figures.first_layer import first_layer

IMAGE = (1, 8, 8)


@pytest.mark.parametrize("shape", [(6, 1, 5, 5), (70, 3, 3, 3), (4, 16, 3, 3), (5, 64)])
def test_a_first_layer_is_drawn(shape: tuple[int, ...]) -> None:
    weight = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    drawn = first_layer("t000", weight, IMAGE)
    assert drawn is not None
    assert drawn.startswith(b"\x89PNG")
    assert drawn != first_layer("t000", -weight, IMAGE)


def test_a_first_layer_that_makes_no_picture_is_left_out() -> None:
    assert first_layer("t000", np.zeros((5, 63), np.float32), IMAGE) is None
    assert first_layer("t000", np.full((5, 1, 3, 3), np.nan, np.float32), IMAGE) is None
    assert first_layer("t000", np.zeros((5, 1, 3, 3), np.float32), IMAGE) is not None
