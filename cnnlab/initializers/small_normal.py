"""Normal, with deviation 0.01 in every layer: the first weights of AlexNet and VGG."""

from torch import Tensor

from cnnlab.initializer import Initializer, normal
from cnnlab.registry import register


@register
class SmallNormal(Initializer):
    """Draw from N(0, 0.01²), however many inputs a unit has; biases start at 0.

    w = 0.01 Φ⁻¹(u), Φ being the normal distribution function. Sums of fewer than 10,000 inputs are smaller
    than the inputs: without normalization, or biases of 1, little is left of an image after many layers.
    Source: A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional neural
    networks" (2012), section 5.
    """

    def value(self, u: Tensor, fan_in: int, fan_out: int) -> Tensor:
        """Return 0.01 Φ⁻¹(u)."""
        return 0.01 * normal(u)
