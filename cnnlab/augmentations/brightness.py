"""Brightness: an object is the same in more light."""

from torch import Tensor

from cnnlab.augmentation import Augmentation
from cnnlab.colour import factor
from cnnlab.registry import register


@register
class Brightness(Augmentation):
    """Multiply an image by a random factor.

    y = min(f x, 255), f uniform in [1 − a, 1 + a]; the amount is a, 0.4 is usual for photographs.
    Source: A. Howard, "Some improvements on deep convolutional neural network based image classification"
    (2013), section 2.2.
    """

    def value(self, x: Tensor, u: Tensor, amount: float) -> Tensor:
        """Return brighter and darker images."""
        return (x * factor(u[:, 0], amount, x)).clamp(0, 255)
