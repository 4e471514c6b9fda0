"""Random changes of colour: how bright an image is, and by which factor it is changed."""

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, as ITU-R BT.601
FINE = 2.0**20  # steps of a grey level in which means are summed up, exactly in any order


def factor(u: Tensor, amount: float, x: Tensor) -> Tensor:
    """Return factors uniform in [1 − amount, 1 + amount] from u (N,), as (N, 1, 1, 1) of the type of x."""
    return (1 + amount * (2 * u - 1)).to(x.dtype)[:, None, None, None]


def grey(x: Tensor) -> Tensor:
    """Return images (N, C, H, W) without colours, (N, 1, H, W): luma for three channels, else their mean."""
    channels = x.shape[1]
    shares = LUMA if channels == len(LUMA) else (1 / channels,) * channels
    total = x[:, :1] * shares[0]
    for channel in range(1, channels):  # one after the other: the same rounding in any layout
        total = total + x[:, channel : channel + 1] * shares[channel]
    return total


def mean_grey(x: Tensor) -> Tensor:
    """Return the mean of `grey` over each image, (N, 1, 1, 1), the same bits in any batch."""
    whole = (grey(x).double() * FINE).round().to(torch.int64).sum((1, 2, 3))
    pixels = x.shape[2] * x.shape[3]
    return (whole.double() / (FINE * pixels)).to(x.dtype)[:, None, None, None]


def blended(x: Tensor, to: Tensor, by: Tensor) -> Tensor:
    """Return by·x + (1 − by)·to, cut off at 0 and 255."""
    return (by * x + (1 - by) * to).clamp(0, 255)
