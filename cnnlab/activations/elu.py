"""ELU: ReLU with a smooth way down to −alpha."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab.activation import Activation
from cnnlab.hyper import Number
from cnnlab.plain_code import PlainCode, call
from cnnlab.registry import register


@register
class Elu(Activation):
    """Keep positive numbers, and let others approach −α.

    f(x) = x for x ≥ 0, α(e^x − 1) for x < 0; f′(x) = 1 for x ≥ 0, α e^x for x < 0. α is `alpha`; with 1 the
    derivative has no jump at 0, with 0 it is ReLU. torch's f′(0) is α.
    Source: D.-A. Clevert, T. Unterthiner and S. Hochreiter, "Fast and accurate deep network learning by
    exponential linear units (ELUs)" (2016), equation 15.
    """

    alpha: ClassVar = Number(default=1.0, low=0.0, high=100.0)

    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return x or α(e^x − 1); e^x of a positive number, whose gradient could be NaN, is not computed."""
        return torch.where(x < 0, h["alpha"] * x.clamp(max=0).expm1(), x)

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return nn.ELU."""
        return PlainCode(call("nn.ELU", h["alpha"]))
