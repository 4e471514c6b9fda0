"""Step: the threshold unit, of before gradients."""

from collections.abc import Mapping

from torch import Tensor

from cnnlab.activation import Activation
from cnnlab.registry import register


@register
class Step(Activation):
    """Keep only on which side of 0 a number is.

    f(x) = 1 for x ≥ 0, −0.0 among them, −1 for x < 0; f′ = 0. Not Heaviside's, whose lower value is 0.
    No gradient passes: only the layers after the last step learn.
    Source: F. Rosenblatt, "The perceptron" (1958).
    """

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return 1 or −1: the half takes 0, which sign() leaves, to the upper side."""
        return (x.sign() + 0.5).sign()
