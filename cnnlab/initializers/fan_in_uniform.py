"""Uniform within one over the root of the fan-in: torch's default for convolutions and linear layers."""

import math
from typing import ClassVar

from torch import Tensor

from cnnlab.initializer import Initializer
from cnnlab.registry import register


@register
class FanInUniform(Initializer):
    """Draw from U(−1/√n, 1/√n), n being the inputs of a unit; biases likewise.

    Source: Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, "Efficient BackProp" (1998), section 4.6, for the
    scaling by the fan-in; this constant is that of torch.nn.Linear and torch.nn.Conv2d.
    """

    biases: ClassVar = "fan-in-uniform"

    def value(self, u: Tensor, fan_in: int, fan_out: int) -> Tensor:
        """Return (2u − 1)/√n."""
        return (2 * u - 1) / math.sqrt(fan_in)
