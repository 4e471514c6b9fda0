"""Uniform, a compromise between the forward and the backward pass."""

import math

from torch import Tensor

from cnnlab.initializer import Initializer
from cnnlab.registry import register


@register
class GlorotUniform(Initializer):
    """Draw from U(−√(6/(n + m)), √(6/(n + m))), n inputs of a unit, m outputs of an input; biases start at 0.

    Activations keep their variance if that of weights is 1/n, gradients if it is 1/m; this one is 2/(n + m),
    between the two. m is counted as torch does: units · k² for k×k filters. Also known as xavier.
    Source: X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks" (2010), equation 16.
    """

    def value(self, u: Tensor, fan_in: int, fan_out: int) -> Tensor:
        """Return √(6/(n + m)) (2u − 1)."""
        return math.sqrt(6 / (fan_in + fan_out)) * (2 * u - 1)
