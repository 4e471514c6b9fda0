"""Random erasing: an object is the same where a part of it is hidden."""

from typing import ClassVar

import torch
from torch import Tensor

from cnnlab.augmentation import Augmentation
from cnnlab.registry import register

AREA, ASPECT, TRIES = (0.02, 0.4), 0.3, 10


@register
class RandomErasing(Augmentation):
    """Fill a rectangle of an image with a random grey, with a probability.

    Where u < amount: of 10 rectangles with an area uniform in [0.02, 0.4] of the image, and an aspect ratio
    h/w whose logarithm is uniform in ±ln 0.3, the first that fits, at a uniform place; if none fits, the
    image stays. Sides are rounded to pixels, at least one. The grey is uniform in [0, 255] and the same for
    all pixels and channels. The amount is the probability; 0.5 is usual. Differs from the paper: there the
    place is drawn before the fit is checked, until one fits, the ratio itself is uniform, and each pixel has
    another grey.
    Source: Z. Zhong et al., "Random erasing data augmentation" (2017), algorithm 1.
    """

    numbers: ClassVar = 4 + 2 * TRIES

    def value(self, x: Tensor, u: Tensor, amount: float) -> Tensor:
        """Return the images with their rectangles filled."""
        height, width = x.shape[2:]
        areas, aspects = u[:, 4 : 4 + TRIES], u[:, 4 + TRIES :]
        area = (AREA[0] + (AREA[1] - AREA[0]) * areas) * (height * width)  # (N, TRIES)
        aspect = ASPECT ** (2 * aspects - 1)
        tall = (area * aspect).sqrt().round().clamp(min=1)
        wide = (area / aspect).sqrt().round().clamp(min=1)
        fits = (tall <= height) & (wide <= width)
        first = fits.byte().argmax(1, keepdim=True)
        tall, wide = tall.gather(1, first), wide.gather(1, first)  # (N, 1)
        erased = (u[:, :1] < amount) & fits.gather(1, first)
        rows = _within(u[:, 1:2], tall, height) & erased
        columns = _within(u[:, 2:3], wide, width)
        grey = (255 * u[:, 3]).to(x.dtype)[:, None, None, None]
        return grey.where((rows[:, :, None] & columns[:, None, :])[:, None], x)


def _within(u: Tensor, long: Tensor, side: int) -> Tensor:
    """Return which pixels of a side lie in a stretch that begins at any place where it fits, (N, side)."""
    start = ((side - long + 1) * u).floor()
    place = torch.arange(side, device=u.device)
    return (place >= start) & (place < start + long)
