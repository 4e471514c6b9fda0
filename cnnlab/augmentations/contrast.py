"""Contrast: an object is the same in mist."""

from torch import Tensor

from cnnlab.augmentation import Augmentation
from cnnlab.colour import blended, factor, mean_grey
from cnnlab.registry import register


@register
class Contrast(Augmentation):
    """Multiply the distance of an image from its mean grey by a random factor.

    y = f x + (1 − f) m, cut off at 0 and 255, f uniform in [1 − a, 1 + a]; m is the image's mean of
    0.299 R + 0.587 G + 0.114 B, or of all channels where there are not three. The amount is a, 0.4 is usual
    for photographs.
    Source: A. Howard, "Some improvements on deep convolutional neural network based image classification"
    (2013), section 2.2; the grey of three channels: ITU-R BT.601.
    """

    def value(self, x: Tensor, u: Tensor, amount: float) -> Tensor:
        """Return images with more and with less contrast."""
        return blended(x, mean_grey(x), factor(u[:, 0], amount, x))
