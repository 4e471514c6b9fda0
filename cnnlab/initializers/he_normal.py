"""Normal, of variance two over the fan-in: what a ReLU halves, the next layer doubles."""

import math

from torch import Tensor

from cnnlab.initializer import Initializer, normal
from cnnlab.registry import register


@register
class HeNormal(Initializer):
    """Draw from N(0, 2/n), n being the inputs of a unit; biases start at 0.

    w = √(2/n) Φ⁻¹(u), Φ being the normal distribution function. A ReLU passes half of the mean square of what
    it is given, so with this variance it stays the same from layer to layer.
    Source: K. He et al., "Delving deep into rectifiers" (2015), equation 10.
    """

    def value(self, u: Tensor, fan_in: int, fan_out: int) -> Tensor:
        """Return √(2/n) Φ⁻¹(u)."""
        return normal(u) * math.sqrt(2 / fan_in)
