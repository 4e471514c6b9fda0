"""Leaky ReLU: ReLU that lets a part of negative numbers through."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab.activation import Activation
from cnnlab.hyper import Number
from cnnlab.plain_code import PlainCode, call
from cnnlab.registry import register


@register
class LeakyRelu(Activation):
    """Keep positive numbers, and shrink others, so that no unit dies.

    f(x) = x for x ≥ 0, a·x for x < 0; f′(x) = 1 for x ≥ 0, a for x < 0. a is `slope`; with 0 it is ReLU, with
    1 linear. torch's f′(0) is a.
    Source: A. Maas, A. Hannun and A. Ng, "Rectifier nonlinearities improve neural network acoustic models"
    (2013).
    """

    slope: ClassVar = Number(default=0.01, low=0.0, high=1.0)

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return x or a·x."""
        return torch.where(x < 0, h["slope"] * x, x)

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return nn.LeakyReLU."""
        return PlainCode(call("nn.LeakyReLU", h["slope"]))
