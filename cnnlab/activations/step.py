"""Step: the threshold unit, older than training by gradients."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.activation import Activation
from cnnlab.hyper import Number
from cnnlab.plain_code import PlainCode, module
from cnnlab.plain_modules import SignStep
from cnnlab.registry import register


@register
class Step(Activation):
    """Return the sign of a number.

    f(x) = 1 for x ≥ 0, including −0.0, and −1 for x < 0; f′ = 0. Not Heaviside's, whose lower value is 0.
    No gradient passes, so that only the layers after the last step learn, unless `straight_through` is above
    0: the backward pass then uses f′ = straight_through where |x| ≤ 1, a slope that f does not have.
    In the notes: the values are +1 and −1, so it is not Heaviside's; its derivative is not mentioned.
    Source: F. Rosenblatt, "The perceptron" (1958); straight through: Y. Bengio, N. Léonard and A. Courville,
    "Estimating or propagating gradients through stochastic neurons for conditional computation" (2013).
    """

    straight_through: ClassVar = Number(default=0.0, low=0.0, high=1.0)

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return 1 or −1; adding ½ moves sign(0) = 0 to the upper side."""
        ramp = h["straight_through"] * x.clamp(-1, 1)
        return (x.sign() + 0.5).sign() + (ramp - ramp.detach())

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return a module of its own, through which no gradient passes."""
        return PlainCode(module(SignStep), classes=(SignStep,))
