"""Saturation: an object is the same in paler colours."""

from torch import Tensor

from cnnlab.augmentation import Augmentation
from cnnlab.colour import LUMA, blended, factor, grey
from cnnlab.registry import register


@register
class Saturation(Augmentation):
    """Multiply the distance of each pixel from its grey by a random factor.

    y = f x + (1 − f) g, cut off at 0 and 255, f uniform in [1 − a, 1 + a], g = 0.299 R + 0.587 G + 0.114 B of
    the pixel. The amount is a, 0.4 is usual for photographs. Refused where images have no colours.
    Source: A. Howard, "Some improvements on deep convolutional neural network based image classification"
    (2013), section 2.2; the grey: ITU-R BT.601.
    """

    channels = len(LUMA)

    def value(self, x: Tensor, u: Tensor, amount: float) -> Tensor:
        """Return images with stronger and with paler colours."""
        return blended(x, grey(x), factor(u[:, 0], amount, x))
