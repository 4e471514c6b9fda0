"""Nesterov's momentum with the look-ahead point stored, and the last velocity taken back."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class NesterovB(Rule):
    """Step by the new velocity and a part of it ahead, less the part that the last step went ahead.

    v_prev = v;  v ← μ·v − lr·g;  w ← w − μ·v_prev + (1 + μ_next)·v
    The stored w is the look-ahead point x + μ_next·v of `nesterov-a`, at every step: where a schedule moves
    μ, the last term takes the μ of the next step. With one μ for both, as the formula is usually printed,
    the two would part as soon as μ moves. With constant lr and μ this is `nesterov`.
    Source: Y. Nesterov (1983), in the form of I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the
    importance of initialization and momentum in deep learning" (2013).
    """

    slots = 1
    lr: ClassVar = Number(default=0.05, low=1e-8, high=100.0, log=True)
    momentum: ClassVar = Number(default=0.9, low=0.0, high=0.9999)

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move v and w."""
        w.addcmul_(slots[0], c["momentum"], value=-1)
        v = slots[0].mul_(c["momentum"]).addcmul_(g, c["lr"], value=-1)
        w.add_(v).addcmul_(v, c.get("momentum_next", c["momentum"]))
