"""Nesterov's momentum as written: the gradient is evaluated at the look-ahead point."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class NesterovA(Rule):
    """Take the gradient where the velocity would carry the weights, then step from where they are.

    x_ahead = x + μ·v;  v ← μ·v − lr·g(x_ahead);  x ← x + v
    The stored w is x itself, so that is what is measured; `nesterov` and `nesterov-b` store x_ahead.
    Source: Y. Nesterov (1983), in the form of I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the
    importance of initialization and momentum in deep learning" (2013).
    """

    slots = 1
    lr: ClassVar = Number(default=0.05, low=1e-8, high=100.0, log=True)
    momentum: ClassVar = Number(default=0.9, low=0.0, high=0.9999)

    def point(self, w: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> Tensor:
        """Return x_ahead."""
        (v,) = slots
        return w.addcmul(v, c["momentum"])

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move v and x."""
        (v,) = slots
        w.add_(v.mul_(c["momentum"]).addcmul_(g, c["lr"], value=-1))
