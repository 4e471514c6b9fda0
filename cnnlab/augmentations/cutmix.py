"""CutMix: a rectangle of an image comes from another one, and so does that share of the target."""

from typing import ClassVar

import torch
from torch import Tensor

from cnnlab.augmentation import Mixture, symmetric_beta
from cnnlab.hyper import Number
from cnnlab.registry import register


@register
class Cutmix(Mixture):
    """Replace a rectangle of each image by the same rectangle of another one of its batch.

    λ ~ Beta(α, α) for each image; the rectangle has sides H√(1 − λ) and W√(1 − λ) around a point that is
    uniform in the image, and consists of the pixels whose centres lie inside of both. Its edge may lie
    outside: then λ becomes the share of pixels that stay. Loss = λ l(x̃, y) + (1 − λ) l(x̃, y′). The amount is
    α: 0 is off, 1 is usual. An image one pixel high, as series are, is cut along its other side alone, by
    W(1 − λ). The authors' code draws one rectangle for each batch; here each image has its own.
    Source: S. Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable
    features" (2019), equations 1 and 2.
    """

    numbers = 5
    amount: ClassVar = Number(default=0.0, low=0.0, high=100.0, row=False)

    def mix(self, x: Tensor, other: Tensor, u: Tensor, amount: float) -> tuple[Tensor, Tensor]:
        """Return the images and the shares of their own pixels."""
        height, width = x.shape[2:]
        cut = 1 - symmetric_beta(u[:, 0], u[:, 1], amount)
        along = cut.sqrt() if min(height, width) > 1 else cut
        rows, columns = _within(u[:, 2], along, height), _within(u[:, 3], along, width)
        inside = rows[:, :, None] & columns[:, None, :]  # (N, H, W)
        replaced = inside.sum((1, 2)).double() / (height * width)
        return other.where(inside[:, None], x), 1 - replaced


def _within(u: Tensor, along: Tensor, side: int) -> Tensor:
    """Return which pixels of a side lie in a share `along` of it around u, bool (N, side)."""
    if side == 1:
        return torch.ones(len(u), 1, dtype=torch.bool, device=u.device)
    centre = (torch.arange(side, device=u.device) + 0.5) / side
    return (centre - u[:, None]).abs() < along[:, None] / 2
