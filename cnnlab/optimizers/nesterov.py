"""Nesterov's momentum: the gradient is taken where the momentum is about to carry the weights."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class Nesterov(Rule):
    """Step along momentum and gradient at a point that has already looked ahead.

    d ← μ·d + g;  w ← w − lr·(g + μ·d)
    The stored w is the look-ahead point itself, as in torch: with constant lr and μ this is the textbook's
    x_ahead = x + μv, v ← μv − lr·g(x_ahead), x ← x + v with w = x_ahead and v = −lr·d.
    Source: I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization and
    momentum in deep learning" (2013), after Y. Nesterov (1983).
    """

    slots = 1
    lr: ClassVar = Number(default=0.05, low=1e-8, high=100.0, log=True)
    momentum: ClassVar = Number(default=0.9, low=0.0, high=0.9999)

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move d and w."""
        (d,) = slots
        d.mul_(c["momentum"]).add_(g)
        w.addcmul_(g.addcmul(d, c["momentum"]), c["lr"], value=-1)
