"""SiLU: ReLU with its step replaced by the sigmoid; also called swish."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import silu

from cnnlab.activation import Activation
from cnnlab.elementwise import evenly
from cnnlab.plain_code import PlainCode
from cnnlab.registry import register


@register
class Silu(Activation):
    """Weight a number by its own sigmoid.

    f(x) = x σ(x), σ(x) = 1/(1 + e^(−x)); f′(x) = σ(x)(1 + x(1 − σ(x))); 1/2 at 0. It falls from 0 to −0.28 at
    x = −1.28 before it rises, so that max pooling stays behind it. Swish with β = 1 is the same function.
    Source: S. Elfwing, E. Uchibe and K. Doya, "Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning" (2018); swish: P. Ramachandran, B. Zoph and Q. Le, "Searching
    for activation functions" (2017).
    """

    monotone: ClassVar = False

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return x σ(x)."""
        return evenly(silu, x)

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return nn.SiLU."""
        return PlainCode("nn.SiLU()")
