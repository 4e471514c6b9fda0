"""Momentum: gradients of many steps add up in the directions on which they agree."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class Momentum(Rule):
    """Step against a sum of gradients that fades by μ.

    d ← μ·d + g;  w ← w − lr·d
    This is torch's form. With v = −lr·d it is v ← μv − lr·g, w ← w + v as long as lr is constant.
    In the notes: this form and the one with a velocity (`momentum-v`) are called the same, which holds only
    while lr is constant.
    Source: B. Polyak, "Some methods of speeding up the convergence of iteration methods" (1964).
    """

    slots = 1
    lr: ClassVar = Number(default=0.05, low=1e-8, high=100.0, log=True)
    momentum: ClassVar = Number(default=0.9, low=0.0, high=0.9999)

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move d and w."""
        (d,) = slots
        d.mul_(c["momentum"]).add_(g)
        w.addcmul_(d, c["lr"], value=-1)
