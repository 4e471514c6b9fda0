"""Linear: no activation, so that successive linear layers are one."""

from collections.abc import Mapping

from torch import Tensor

from cnnlab.activation import Activation
from cnnlab.plain_code import PlainCode
from cnnlab.registry import register


@register
class Linear(Activation):
    """Return the input unchanged.

    f(x) = x; f′ = 1. A chain of linear layers with it equals one linear layer.
    In the notes: named without a formula and drawn as the identity; that is built.
    Source: B. Widrow and M. Hoff, "Adaptive switching circuits" (1960).
    """

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return x."""
        return x

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return the identity."""
        return PlainCode("nn.Identity()")
