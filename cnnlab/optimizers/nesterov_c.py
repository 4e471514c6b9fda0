"""Nesterov's momentum as a sum of gradients, each evaluated at its look-ahead point."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class NesterovC(Rule):
    """Add up gradients taken where the sum would carry the weights.

    d ← μ·d + g(w − lr·μ·d);  w ← w − lr·d
    With constant lr this is `nesterov-a` (v = −lr·d), and the stored w is its x.
    Source: Y. Nesterov (1983), in the form of I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the
    importance of initialization and momentum in deep learning" (2013).
    """

    slots = 1
    lr: ClassVar = Number(default=0.05, low=1e-8, high=100.0, log=True)
    momentum: ClassVar = Number(default=0.9, low=0.0, high=0.9999)

    def point(self, w: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> Tensor:
        """Return w − lr·μ·d."""
        (d,) = slots
        return w.addcmul(d, c["lr"] * c["momentum"], value=-1)

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move d and w."""
        (d,) = slots
        d.mul_(c["momentum"]).add_(g)
        w.addcmul_(d, c["lr"], value=-1)
