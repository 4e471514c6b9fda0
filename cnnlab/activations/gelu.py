"""GELU: ReLU with its step replaced by the normal distribution."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import gelu

from cnnlab.activation import Activation
from cnnlab.elementwise import evenly
from cnnlab.plain_code import PlainCode
from cnnlab.registry import register


@register
class Gelu(Activation):
    """Weight a number by the share of a normal distribution that is below it.

    f(x) = x Φ(x), Φ(x) = (1 + erf(x/√2))/2; f′(x) = Φ(x) + x φ(x), φ(x) = e^(−x²/2)/√(2π); 1/2 at 0. This is
    the exact form, not the one with tanh. It falls from 0 to −0.17 at x = −0.75 before it rises, so that max
    pooling stays behind it.
    Source: D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)" (2016).
    """

    monotone: ClassVar = False

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return x Φ(x)."""
        return evenly(gelu, x)

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return nn.GELU."""
        return PlainCode("nn.GELU()")
