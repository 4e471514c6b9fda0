"""The kernels of the first layer as images."""

from __future__ import annotations

import math
from typing import Any

from services.figures import colours, png, svg

MAX_KERNELS = 64  # as many as VGG's first layer has
GAP_PIXELS = 1  # between two kernels
KERNEL = 56  # px of a kernel's longer side
TOP, AIR = 48, 14  # px
SHADES = 256  # of a weight's colour


def first_layer(title: str, weight: Any, image: tuple[int, int, int]) -> str | None:
    """Draw a convolution's kernels, or a dense layer's rows as images of shape (C, H, W).

    Three input channels are shown as red, green and blue, scaled together around grey; otherwise the first
    channel is shown, from blue (negative) over white (0) to red. None if the weights are not finite or do not
    form images.
    """
    import numpy as np

    if weight.ndim == 2 and weight.shape[1] == math.prod(image):
        weight = weight.reshape(len(weight), *image)
    if weight.ndim != 4 or not weight.size or not np.isfinite(weight).all():
        return None
    kernels = weight[:MAX_KERNELS].astype(np.float64)
    shades = np.abs(kernels).max() or 1.0
    places = kernels / (2 * shades) + 0.5  # 0 … 1, around the middle
    if kernels.shape[1] == 3:
        pixels = np.rint(255 * places).astype(np.uint8).transpose(0, 2, 3, 1)
    else:
        scale = [colours.at(colours.WEIGHTS, shade / (SHADES - 1)) for shade in range(SHADES)]
        table = np.rint(scale).astype(np.uint8)
        pixels = table[np.rint((SHADES - 1) * places[:, 0]).astype(int)]
    sheet = _sheet(pixels)
    high, wide = sheet.shape[:2]
    zoom = KERNEL / max(pixels.shape[1:3])
    more = f" (the first {MAX_KERNELS} of {len(weight)})" if len(weight) > MAX_KERNELS else ""
    lines = [title, f"first layer{more}, from {-shades:.3g} to {shades:.3g}"]
    picture = (
        f'<image x="{AIR}" y="{TOP}" width="{svg.number(zoom * wide)}" height="{svg.number(zoom * high)}" '
        f'preserveAspectRatio="none" image-rendering="pixelated" '
        f'href="{png.address(png.encode(sheet.tobytes(), wide, high))}"/>'
    )
    width = max(zoom * wide, 6.2 * max(map(len, lines))) + 2 * AIR
    return svg.document(
        min(width, zoom * wide + 700),
        TOP + zoom * high + AIR,
        "\n".join(lines),
        [*svg.heading(AIR, lines), picture],
    )


def _sheet(pixels: Any) -> Any:
    """All kernels, (N, h, w, 3), in one image with white between them."""
    import numpy as np

    count, high, wide = pixels.shape[:3]
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full(
        (rows * (high + GAP_PIXELS) - GAP_PIXELS, columns * (wide + GAP_PIXELS) - GAP_PIXELS, 3),
        255,
        np.uint8,
    )
    for place, kernel in enumerate(pixels):
        top, left = (place // columns) * (high + GAP_PIXELS), (place % columns) * (wide + GAP_PIXELS)
        sheet[top : top + high, left : left + wide] = kernel
    return sheet
