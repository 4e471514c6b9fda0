"""The forward pass of a convolution with pooling and ReLU, in Triton: tiles of one size for every shape."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from cnnlab.kernels.convolution_way import WhereRelu

PLACES, MAPS, DEPTH = 64, 16, 32  # of a tile: pooled places, outputs, products summed at once
RELU: dict[WhereRelu, int] = {"none": 0, "behind": 1, "before": 2}
CUT = 4  # written instead of a place where ReLU has cut the maximum


@triton.jit  # type: ignore[untyped-decorator]
def _tile(  # type: ignore[no-untyped-def]
    x, weight, bias, y, at, images, rows, inputs, outputs, height, width, side,
    pad_height, pad_width, down, across, image, row, channel, line, pixel,
    HAS_BIAS: tl.constexpr, RELU: tl.constexpr, PRECISION: tl.constexpr,
    PLACES: tl.constexpr, MAPS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """Compute one tile of one row: some pooled places of the batch, some of the outputs.

    down and across are the pooled height and width; image … pixel are the strides of x.
    """
    own = tl.program_id(1).to(tl.int64)
    place = tl.program_id(0) * PLACES + tl.arange(0, PLACES)
    output = tl.program_id(2) * MAPS + tl.arange(0, MAPS)
    of_image = (place // (down * across)).to(tl.int64)
    top, left = 2 * (place // across % down) - pad_height, 2 * (place % across) - pad_width
    is_place, is_output = place < images * down * across, output < outputs
    covered = side * side
    depth = inputs * covered
    sum0 = tl.zeros((PLACES, MAPS), tl.float32)
    sum1, sum2, sum3 = sum0, sum0, sum0
    base = x + own * row + of_image * image
    for begin in range(0, depth, DEPTH):
        each = begin + tl.arange(0, DEPTH)
        map_index, under = each // covered, each % covered
        is_each = each < depth
        filters = tl.load(
            weight + (own * outputs + output[None, :]) * depth + each[:, None],
            mask=is_each[:, None] & is_output[None, :],
            other=0.0,
        )
        first_line = top[:, None] + (under // side)[None, :]
        first_pixel = left[:, None] + (under % side)[None, :]
        first = base[:, None] + (map_index * channel)[None, :] + first_line * line + first_pixel * pixel
        wanted = is_place[:, None] & is_each[None, :]
        for step in tl.static_range(4):
            at_line, at_pixel = first_line + step // 2, first_pixel + step % 2
            inside = (at_line >= 0) & (at_line < height) & (at_pixel >= 0) & (at_pixel < width)
            pixels = tl.load(first + (step // 2) * line + (step % 2) * pixel, mask=wanted & inside, other=0.0)
            if step == 0:
                sum0 = tl.dot(pixels, filters, sum0, input_precision=PRECISION)
            elif step == 1:
                sum1 = tl.dot(pixels, filters, sum1, input_precision=PRECISION)
            elif step == 2:
                sum2 = tl.dot(pixels, filters, sum2, input_precision=PRECISION)
            else:
                sum3 = tl.dot(pixels, filters, sum3, input_precision=PRECISION)
    if HAS_BIAS:
        shift = tl.load(bias + own * outputs + output, mask=is_output, other=0.0).to(tl.float32)[None, :]
        sum0, sum1, sum2, sum3 = sum0 + shift, sum1 + shift, sum2 + shift, sum3 + shift
    largest = sum0
    if RELU == 2:
        largest = tl.where(sum0 < 0, 0.0, sum0)
    uncut, chosen = sum0, tl.zeros((PLACES, MAPS), tl.int32)
    for step in tl.static_range(1, 4):
        value = sum1
        if step == 2:
            value = sum2
        if step == 3:
            value = sum3
        shown = value
        if RELU == 2:
            shown = tl.where(value < 0, 0.0, value)
        better = (shown > largest) | (shown != shown)
        largest = tl.where(better, shown, largest)
        uncut = tl.where(better, value, uncut)
        chosen = tl.where(better, step, chosen)
    if RELU != 0:
        largest = tl.where(uncut < 0, 0.0, largest)
        chosen = tl.where(uncut < 0, 4, chosen)
    target = (place.to(tl.int64)[:, None] * rows + own) * outputs + output[None, :]
    written = is_place[:, None] & is_output[None, :]
    tl.store(y + target, largest.to(y.dtype.element_ty), mask=written)
    tl.store(at + target, chosen.to(tl.uint8), mask=written)


def pooled_forward(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    padding: tuple[int, int],
    relu: WhereRelu,
    precision: str,
) -> tuple[Tensor, Tensor]:
    """Return the maxima, (N, H′, W′, K, outputs), and which of its window's four each is, or CUT, uint8.

    x is (N, K, inputs, H, W) with any strides. Every sum has an order that depends on neither the number of
    rows nor of images. `precision` is `ieee`, or `tf32` where factors of float32 may be rounded.
    """
    (images, _, inputs, height, width), (rows, outputs, _, side, _) = x.shape, weight.shape
    down, across = ((s + 2 * p - side + 1) // 2 for s, p in zip((height, width), padding, strict=True))
    y = x.new_empty(images, down, across, rows, outputs)
    at = torch.empty_like(y, dtype=torch.uint8)
    tiles = (triton.cdiv(images * down * across, PLACES), rows, triton.cdiv(outputs, MAPS))
    strides = (x.stride(0), x.stride(1) if x.shape[1] > 1 else 0, *x.stride()[2:])
    _tile[tiles](
        x, weight, weight if bias is None else bias, y, at, images, rows, inputs, outputs, height, width,
        side, *padding, down, across, *strides, bias is not None, RELU[relu], precision, PLACES, MAPS, DEPTH,
    )  # fmt: skip
    return y, at
