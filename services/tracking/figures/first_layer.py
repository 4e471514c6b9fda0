"""The kernels of the first layer as images."""

from __future__ import annotations

import math
from typing import Any

from services.tracking.figures import canvas

MAX_KERNELS = 64  # as many as VGG's first layer has
GAP_PIXELS = 1  # between two kernels
BLANK_PIXEL = {True: 1.0, False: math.nan}  # shown as white: in colour, and otherwise


def first_layer(title: str, weight: Any, image: tuple[int, int, int]) -> bytes | None:
    """Draw a convolution's kernels, or a dense layer's rows as images of shape (C, H, W), as PNG.

    Three input channels are shown as red, green and blue, scaled together around grey; otherwise the first
    channel is shown, from blue (negative) over white (0) to red. None if the weights are not finite or do not
    form images.
    """
    import numpy as np

    if weight.ndim == 2 and weight.shape[1] == math.prod(image):
        weight = weight.reshape(len(weight), *image)
    if weight.ndim != 4 or not np.isfinite(weight).all():
        return None
    kernels = weight[:MAX_KERNELS].astype(np.float64)
    largest = float(np.abs(kernels).max()) or 1.0
    colours = kernels.shape[1] == 3
    pixels = kernels.transpose(0, 2, 3, 1) / (2 * largest) + 0.5 if colours else kernels[:, 0]
    # One image of all kernels: a panel for each would take ten times as long to draw.
    count, high, wide = pixels.shape[:3]
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full(
        (
            rows * (high + GAP_PIXELS) - GAP_PIXELS,
            columns * (wide + GAP_PIXELS) - GAP_PIXELS,
            *pixels.shape[3:],
        ),
        BLANK_PIXEL[colours],
    )
    for place, kernel in enumerate(pixels):
        top, left = (place // columns) * (high + GAP_PIXELS), (place % columns) * (wide + GAP_PIXELS)
        sheet[top : top + high, left : left + wide] = kernel
    more = f" (the first {MAX_KERNELS} of {len(weight)})" if len(weight) > MAX_KERNELS else ""
    figure = canvas.figure(max(3.0, 0.7 * columns), 0.6 + 0.7 * rows, f"{title}{more}")
    axes = figure.add_subplot()
    axes.imshow(sheet, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
    axes.set_axis_off()
    return canvas.png(figure)
