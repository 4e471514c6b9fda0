"""Nesterov's momentum with the look-ahead point stored, and the previous velocity subtracted."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class NesterovB(Rule):
    """Step by the new velocity and look ahead by a part of it, minus the look-ahead of the last step.

    v_prev = v;  v ← μ·v − lr·g;  w ← w − μ·v_prev + (1 + μ_next)·v
    The stored w is the look-ahead point x + μ_next·v of `nesterov-a`, at every step: where a schedule changes
    μ, the last term takes the μ of the next step. With one μ for both, as the formula is usually printed,
    the two would differ as soon as μ changes. With constant lr and μ this is `nesterov`.
    Source: Y. Nesterov (1983), in the form of I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the
    importance of initialization and momentum in deep learning" (2013).
    """

    slots = 1
    lr: ClassVar = Number(default=0.05, low=1e-8, high=100.0, log=True)
    momentum: ClassVar = Number(default=0.9, low=0.0, high=0.9999)

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move v and w."""
        (v,) = slots
        w.addcmul_(v, c["momentum"], value=-1)
        v.mul_(c["momentum"]).addcmul_(g, c["lr"], value=-1)
        w.add_(v).addcmul_(v, c.get("momentum_next", c["momentum"]))
