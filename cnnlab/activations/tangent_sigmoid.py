"""Tangent sigmoid: the sigmoid, stretched to be odd, with a slope that can be swept."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.activation import Activation
from cnnlab.hyper import Number
from cnnlab.plain_code import PlainCode, module
from cnnlab.plain_modules import ScaledTanh
from cnnlab.registry import register
from cnnlab.sigmoids import tanh


@register
class TangentSigmoid(Activation):
    """Squash to (−1, 1).

    f(x) = (1 − e^(−bx)) / (1 + e^(−bx)) = tanh(bx/2); f′ = (b/2)(1 − f²). b = 2 is tanh(x), not b = 1, and
    makes the slope at 0 exactly 1; it is above 1 for b > 2.
    In the notes: the quotient as printed is ∞/∞ for large −x; it is computed as tanh(bx/2).
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), appendix A.
    """

    b: ClassVar = Number(default=1.0, low=1e-3, high=100.0, log=True)

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return tanh(bx/2): the quotient of exponentials is NaN for large −x."""
        return tanh(x * (h["b"] / 2))

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return nn.Tanh, or for another slope a module of its own."""
        if h["b"] == 2:
            return PlainCode("nn.Tanh()")
        return PlainCode(module(ScaledTanh, 1.0, h["b"] / 2), classes=(ScaledTanh,))
