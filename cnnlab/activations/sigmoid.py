"""Sigmoid: the logistic curve, with a slope that can be swept."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.activation import Activation
from cnnlab.hyper import Number
from cnnlab.plain_code import PlainCode, module
from cnnlab.plain_modules import SlopedSigmoid
from cnnlab.registry import register
from cnnlab.sigmoids import logistic


@register
class Sigmoid(Activation):
    """Squash to (0, 1).

    f(x) = 1 / (1 + e^(−βx)); f′ = β f (1 − f) = β t/(1 + t)² with t = e^(−β|x|), at most β/4, so that
    gradients vanish through many layers. The second form keeps its digits where f rounds to 1.
    In the notes: "derivative of sigmoid neuron is always less than 1" holds only for β < 4, the slope is
    called β in one place and b in another, and the range [0, 1] is open, except for rounding.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), appendix A.
    """

    beta: ClassVar = Number(default=1.0, low=1e-3, high=100.0, log=True)

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return 1 / (1 + e^(−βx)), finite for any finite x."""
        return logistic(x * h["beta"])

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return nn.Sigmoid, or for another slope a module of its own."""
        if h["beta"] == 1:
            return PlainCode("nn.Sigmoid()")
        return PlainCode(module(SlopedSigmoid, h["beta"]), classes=(SlopedSigmoid,))
