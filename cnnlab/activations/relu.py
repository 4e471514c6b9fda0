"""ReLU: the usual activation of deep networks today."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import threshold

from cnnlab.activation import Activation
from cnnlab.plain_code import PlainCode
from cnnlab.registry import register


@register
class Relu(Activation):
    """Keep positive numbers, and replace others by 0.

    f(x) = max(0, x); f′(x) = 0 for x < 0, 1 for x ≥ 0.
    The derivative at 0 is 1, as in the formula; torch's relu has 0 there.
    In the notes: "only about 50% of hidden units are activated" holds for weights that are symmetric
    about 0 and no biases; "no vanishing or exploding gradient problems" does not: units die, and
    gradients grow or vanish with the first weights (cnnlab/engine/gradient_norms.py measures it).
    Source: V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann machines" (2010).
    """

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return max(0, x)."""
        # What is above a bound passes, and so does its slope: the bound is the largest negative number.
        numbers = torch.finfo(x.dtype)
        # The gradient gets the layout of x, whatever that of the slope is.
        return threshold(x, -numbers.smallest_normal * numbers.eps, 0.0)

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return nn.ReLU."""
        return PlainCode("nn.ReLU()")
