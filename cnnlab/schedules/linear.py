"""A straight line from the start to another number, then constant."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.registry import register
from cnnlab.schedule import OVER, UNIT, Schedule


@register
class Linear(Schedule):
    """Go from the optimizer's number to `to` in equal parts.

    value = start + (to − start)·min(t/n, 1), n = `over`
    As train.momentum_schedule it anneals the momentum, usually from 0.5 to 0.99, and `to` must be a momentum.
    Source: I. Goodfellow, D. Warde-Farley, P. Lamblin et al., "Pylearn2: a machine learning research library"
    (2013), its MomentumAdjustor.
    """

    to: ClassVar = Number(default=0.0, low=0.0, high=100.0)
    over: ClassVar = OVER
    unit: ClassVar = UNIT

    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return a point of the line, as a weighted mean, so that it ends at exactly `to`."""
        part = (t / h["over"]).clamp(max=1)
        return start * (1 - part) + h["to"] * part
