"""1/t decay: fast at first, then slower and slower, but never at rest."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.registry import register
from cnnlab.schedule import UNIT, Schedule


@register
class InverseTime(Schedule):
    """Divide by a number that grows with t.

    value = start / (1 + kt)
    In the notes: the formula is printed twice over; t may be iterations or epochs, which is `unit`.
    Source: H. Robbins and S. Monro, "A stochastic approximation method" (1951).
    """

    k: ClassVar = Number(default=0.1, low=0.0, high=1e6)
    unit: ClassVar = UNIT

    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return start / (1 + kt)."""
        return start / (1 + h["k"] * t)
