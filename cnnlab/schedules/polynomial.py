"""A power of what is left of the way: decay that may be slow at first or at last."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.registry import register
from cnnlab.schedule import OVER, UNIT, Schedule


@register
class Polynomial(Schedule):
    """Go from the optimizer's number to `to` as a power of what is left, then stay there.

    value = to + (start − to)·(1 − min(t/n, 1))^p, n = `over`, p = `power`; p = 1 is
    `linear` torch's PolynomialLR, which ends at 0.
    Source: W. Liu, A. Rabinovich and A. Berg, "ParseNet: looking wider to see better" (2015), section 3,
    power 0.9.
    """

    over: ClassVar = OVER
    power: ClassVar = Number(default=0.9, low=0.01, high=100.0, log=True)
    to: ClassVar = Number(default=0.0, low=0.0, high=100.0)
    unit: ClassVar = UNIT

    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return the power's point."""
        return h["to"] + (start - h["to"]) * (1 - (t / h["over"]).clamp(max=1)) ** h["power"]
