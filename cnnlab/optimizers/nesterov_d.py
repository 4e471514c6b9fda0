"""Nesterov's momentum without a look-ahead point: the change of the gradient replaces it."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class NesterovD(Rule):
    """Add the change of the gradient since the last step to momentum.

    d ← μ·d + g + μ·(g − g_prev);  w ← w − lr·d;  g_prev = 0 before the first step, which is then (1 + μ)·g
    The bracket is μ·(g(w_now) − g(w_last)).
    With constant lr and μ this is `nesterov`, and the stored w is its look-ahead point.
    In the notes: the bracket is misprinted as β[g(θ_{i−1} − g(θ_{i−2})], one gradient inside the other;
    and the change of the gradient is called second-order information, which it is as a finite difference
    along the path.
    Source: Y. Nesterov (1983), in the form of I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the
    importance of initialization and momentum in deep learning" (2013).
    """

    slots = 2
    lr: ClassVar = Number(default=0.05, low=1e-8, high=100.0, log=True)
    momentum: ClassVar = Number(default=0.9, low=0.0, high=0.9999)

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move d and w, and keep g."""
        d, g_prev = slots
        d.mul_(c["momentum"]).add_(g).addcmul_(g - g_prev, c["momentum"])
        g_prev.copy_(g)
        w.addcmul_(d, c["lr"], value=-1)
