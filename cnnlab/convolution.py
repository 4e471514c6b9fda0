"""Convolving the maps of many trials at once: what all 2-d convolutions have in common."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from cnnlab.errors import ConfigError
from cnnlab.layer import Shape, shared, shared_batch


def convolved(shape: Shape, outputs: int, kernel: int, padding: tuple[int, int], stride: int) -> Shape:
    """Return (outputs, H′, W′); ConfigError at "model" if the filter is larger than the padded image.

    H′ = ⌊(H + 2p − k)/stride⌋ + 1
    """
    _, height, width = shape
    room = tuple(s + 2 * p - kernel for s, p in zip((height, width), padding, strict=True))
    if min(room) < 0:
        raise ConfigError("model", f"a {kernel}×{kernel} filter does not fit maps of {height}×{width}")
    return outputs, room[0] // stride + 1, room[1] // stride + 1


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int], stride: int) -> Tensor:
    """Return (N, K, outputs, H′, W′) of x (N, K, inputs, H, W): y = x ⋆ weight + bias, row by row.

    weight is (K, outputs, inputs, k, k), bias (K, outputs). A batch that all rows share takes one wide
    convolution, else each row is a group.
    """
    rows, outputs = weight.shape[:2]
    once = shared(x)
    # With channels innermost, many narrow groups are fast on a CPU. A clone, because contiguous() keeps odd
    # strides where there is one channel, and the convolution goes by the strides.
    nhwc = weight.permute(0, 1, 3, 4, 2).clone(memory_format=torch.contiguous_format)
    wide = nhwc.flatten(0, 1).permute(0, 3, 1, 2)  # (K·outputs, inputs, k, k)
    maps = shared_batch(x) if once else x.flatten(1, 2)
    if len(maps) == 1:  # one image may have any stride, and torch's gradient of the filters goes by it
        maps = maps.clone(memory_format=torch.channels_last)
    y = conv2d(
        maps,
        wide,
        None if bias is None else bias.flatten(),
        stride=stride,
        padding=padding,
        groups=1 if once else rows,
    )
    return y.view(-1, rows, outputs, *y.shape[2:])


def convolution_options(stride: int, padding: Sequence[int], bias: bool) -> dict[str, Any]:
    """Return what torch's convolutions take by name, where it is not the usual."""
    around = padding[0] if len(set(padding)) == 1 else tuple(padding)
    given = {"stride": stride, "padding": around, "bias": bias}
    usual = {"stride": 1, "padding": 0, "bias": True}
    return {name: value for name, value in given.items() if value != usual[name]}
