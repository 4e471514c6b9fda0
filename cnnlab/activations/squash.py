"""Squash: LeNet-5's scaled tanh."""

from collections.abc import Mapping

from torch import Tensor

from cnnlab.activation import Activation
from cnnlab.plain_code import PlainCode, module
from cnnlab.plain_modules import ScaledTanh
from cnnlab.registry import register
from cnnlab.sigmoids import tanh

HEIGHT = 1.7159


@register
class Squash(Activation):
    """Squash to (−1.7159, 1.7159).

    f(x) = A tanh(2x/3), A = 1.7159, so that f(±1) = ±1, to 10⁻⁵; f′ = (2/3)(A − f²/A).
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), appendix A.
    """

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return A tanh(2x/3)."""
        return HEIGHT * tanh(x * (2 / 3))

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return a module of its own."""
        return PlainCode(module(ScaledTanh, HEIGHT, "2 / 3"), classes=(ScaledTanh,))
