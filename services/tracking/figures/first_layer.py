"""What the first layer looks for: its kernels as images."""

from __future__ import annotations

import math
from typing import Any

from services.tracking.figures import canvas

MOST = 64  # kernels; VGG has as many


def first_layer(title: str, weight: Any, image: tuple[int, int, int]) -> bytes | None:
    """The kernels of a convolution, or a dense layer's rows as images of shape (C, H, W), as PNG.

    Three input channels are red, green and blue, scaled together around grey; one, or the first of another
    number, goes from blue (negative) over white (0) to red. None where the weights are not finite or no
    image can be made of them.
    """
    import numpy as np

    if weight.ndim == 2 and weight.shape[1] == math.prod(image):
        weight = weight.reshape(len(weight), *image)
    if weight.ndim != 4 or not np.isfinite(weight).all():
        return None
    kernels = weight[:MOST].astype(np.float64)
    largest = float(np.abs(kernels).max()) or 1.0
    columns = math.ceil(math.sqrt(len(kernels)))
    rows = math.ceil(len(kernels) / columns)
    more = f" (the first {MOST} of {len(weight)})" if len(weight) > MOST else ""
    figure = canvas.figure(max(3.0, 0.7 * columns), 0.6 + 0.7 * rows, f"{title}{more}")
    for place, kernel in enumerate(kernels):
        axes = figure.add_subplot(rows, columns, place + 1)
        if len(kernel) == 3:
            axes.imshow(kernel.transpose(1, 2, 0) / (2 * largest) + 0.5)
        else:
            axes.imshow(kernel[0], cmap="RdBu_r", vmin=-largest, vmax=largest)
        axes.set_axis_off()
    return canvas.png(figure)
