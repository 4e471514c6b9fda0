"""Exponential decay: the same fraction is lost in each epoch or iteration."""

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.registry import register
from cnnlab.schedule import UNIT, Schedule


@register
class Exponential(Schedule):
    """Decay at the rate k.

    value = start·e^(−kt)
    In the notes: the formula is printed twice over, as α=α0e−ktα=…; t may be iterations or epochs, which
    is `unit`.
    Source: H. Robbins and S. Monro, "A stochastic approximation method" (1951) requires that rates sum to
    infinity; these do not, so training comes to rest wherever it is.
    """

    k: ClassVar = Number(default=0.1, low=0.0, high=100.0)
    unit: ClassVar = UNIT

    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return start·e^(−kt)."""
        return start * (-h["k"] * t).exp()
