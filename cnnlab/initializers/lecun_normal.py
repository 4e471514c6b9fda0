"""Normal, with variance one over the fan-in: a sum of inputs of variance 1 has variance 1."""

import math

from torch import Tensor

from cnnlab.initializer import Initializer, normal
from cnnlab.registry import register


@register
class LecunNormal(Initializer):
    """Draw from N(0, 1/n), n being the inputs of a unit; biases start at 0.

    w = Φ⁻¹(u)/√n, Φ being the normal distribution function. For activations close to the identity around
    0, such as tanh; with ReLUs use he-normal, because each ReLU halves the mean square.
    Source: Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, "Efficient BackProp" (1998), equation 16.
    """

    def value(self, u: Tensor, fan_in: int, fan_out: int) -> Tensor:
        """Return Φ⁻¹(u)/√n."""
        return normal(u) / math.sqrt(fan_in)
