"""Flip: an image and its mirror image show the same thing."""

from torch import Tensor

from cnnlab.augmentation import Augmentation
from cnnlab.registry import register


@register
class Flip(Augmentation):
    """Mirror an image left to right, with a probability.

    x[h, w] ← x[h, W − 1 − w] where u < amount; 0.5 is usual. Not for digits and letters, and
    refused where targets are numbers: a mirror changes the sign of an angle.
    Source: A. Krizhevsky et al., "ImageNet classification with deep convolutional neural networks" (2012),
    section 4.1.
    """

    tasks = frozenset({"classification"})

    def value(self, x: Tensor, u: Tensor, amount: float) -> Tensor:
        """Return mirrored images where u is below the amount."""
        return x.flip(3).where((u[:, 0] < amount)[:, None, None, None], x)
