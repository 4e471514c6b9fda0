"""Half a wave of a cosine from the start to another number, then constant."""

import math
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.registry import register
from cnnlab.schedule import OVER, UNIT, Schedule


@register
class Cosine(Schedule):
    """Go from the optimizer's number to `to`, slowly at both ends.

    value = to + (start − to)·(1 + cos(π·min(t/n, 1)))/2, n = `over`
    torch's CosineAnnealingLR while t ≤ n; behind it that one rises again, and this one stays at `to`.
    Source: I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017),
    equation 5, without restarts.
    """

    over: ClassVar = OVER
    to: ClassVar = Number(default=0.0, low=0.0, high=100.0)
    unit: ClassVar = UNIT

    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return a point of the wave."""
        part = (t / h["over"]).clamp(max=1)
        return h["to"] + (start - h["to"]) * (1 + (math.pi * part).cos()) / 2
