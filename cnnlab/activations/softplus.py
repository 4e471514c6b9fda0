"""Softplus: ReLU without the corner."""

from collections.abc import Mapping

from torch import Tensor

from cnnlab.activation import Activation
from cnnlab.elementwise import evenly
from cnnlab.plain_code import PlainCode
from cnnlab.registry import register


@register
class Softplus(Activation):
    """Go smoothly from 0 to x.

    f(x) = ln(1 + e^x) = max(x, 0) + ln(1 + e^(−|x|)); f′ = 1 / (1 + e^(−x)); 1/2 at 0. The second form holds
    for all x; torch's softplus is x itself above 20, wrong by 2·10⁻⁹.
    Source: C. Dugas et al., "Incorporating second-order functional knowledge" (2001).
    """

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return ln(e^0 + e^x), which logaddexp computes by the second form."""
        return evenly(lambda own: own.logaddexp(own.new_zeros(())), x)

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return nn.Softplus, which differs by 2·10⁻⁹ at most."""
        return PlainCode("nn.Softplus()")
