"""Momentum as a velocity, which keeps the learning rate of each earlier step."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class MomentumV(Rule):
    """Step by a velocity that fades by μ.

    v ← μ·v − lr·g;  w ← w + v
    The same as `momentum` while lr is constant (v = −lr·d; v carries the minus sign). After a change of lr
    the two differ: v keeps what earlier rates put into it, d is rescaled at once.
    Source: A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional
    neural networks" (2012), section 5; B. Polyak (1964).
    """

    slots = 1
    lr: ClassVar = Number(default=0.05, low=1e-8, high=100.0, log=True)
    momentum: ClassVar = Number(default=0.9, low=0.0, high=0.9999)

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move v and w."""
        (v,) = slots
        w.add_(v.mul_(c["momentum"]).addcmul_(g, c["lr"], value=-1))
