"""Uniform within 2.4 over the fan-in: the first weights of LeNet-5 in 1998."""

from typing import ClassVar

from torch import Tensor

from cnnlab.initializer import Initializer
from cnnlab.registry import register


@register
class ReciprocalUniform(Initializer):
    """Draw from U(−2.4/n, 2.4/n), n being the inputs of a unit; biases likewise.

    The more inputs, the smaller the sums: their deviation falls as 1/√n. Later rules keep it constant.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), appendix A.
    """

    biases: ClassVar = "reciprocal-uniform"

    def value(self, u: Tensor, fan_in: int, fan_out: int) -> Tensor:
        """Return 2.4 (2u − 1)/n."""
        return 2.4 * (2 * u - 1) / fan_in
