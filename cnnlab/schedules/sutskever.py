"""Momentum that grows from ½ towards 1, up to the optimizer's own."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Choice, Int
from cnnlab.registry import register
from cnnlab.schedule import UNIT, Schedule


@register
class Sutskever(Schedule):
    """Raise the momentum from ½ towards the optimizer's, which is its limit.

    value = min(1 − 2^(−1 − log₂(⌊t/n⌋ + 1)), start) = min(1 − 1/(2(⌊t/n⌋ + 1)), start), n = `every`
    ½, ¾, ⅚, ⅞, … for n iterations each; t begins at 0. It is meant for train.momentum_schedule.
    Source: I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and
    momentum in deep learning" (2013), equation 5.
    """

    every: ClassVar = Int(default=250, low=1, high=1_000_000_000, row=True)
    unit: ClassVar = Choice(default="iteration", options=UNIT.options, row=True)

    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return the smaller of the growing momentum and the limit."""
        return (1 - 0.5 / ((t / h["every"]).floor() + 1)).minimum(start)
