"""Normal, with variance two over the fan-in: a ReLU halves the mean square, the next layer doubles it."""

import math

from torch import Tensor

from cnnlab.initializer import Initializer, normal
from cnnlab.registry import register


@register
class HeNormal(Initializer):
    """Draw from N(0, 2/n), n being the inputs of a unit; biases start at 0.

    w = √(2/n) Φ⁻¹(u), Φ being the normal distribution function. A ReLU halves the mean square of its
    inputs, so with this variance it stays the same from layer to layer.
    Source: K. He et al., "Delving deep into rectifiers" (2015), equation 10.
    """

    def value(self, u: Tensor, fan_in: int, fan_out: int) -> Tensor:
        """Return √(2/n) Φ⁻¹(u)."""
        return normal(u) * math.sqrt(2 / fan_in)
