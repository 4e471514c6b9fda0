"""RMSprop: each weight's step is scaled by the recent size of its gradient."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class Rmsprop(Rule):
    """Divide the gradient by the root of a running mean of its square.

    s ← ρ·s + (1 − ρ)·g²;  w ← w − lr·g / (√s + eps), eps outside the root
    Source: T. Tieleman and G. Hinton, "Lecture 6.5: rmsprop", Neural Networks for Machine Learning (2012).
    """

    slots = 1
    lr: ClassVar = Number(default=0.001, low=1e-8, high=100.0, log=True)
    rho: ClassVar = Number(default=0.99, low=0.0, high=0.99999)
    eps: ClassVar = Number(default=1e-8, low=1e-16, high=1.0, log=True)

    def constants(self, h: Mapping[str, Tensor], t: Tensor) -> Mapping[str, Tensor]:
        """Return 1 − ρ beside the hyperparameters: in float32 the difference would lose digits."""
        return {**h, "fresh": 1 - h["rho"]}

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move s and w."""
        (s,) = slots
        s.mul_(c["rho"]).add_((g * g).mul_(c["fresh"]))
        w.addcdiv_(g * c["lr"], s.sqrt().add_(c["eps"]), value=-1)
