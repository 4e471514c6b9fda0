"""Lion: steps of equal length, by the sign of a momentum that weighs the new gradient more."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class Lion(Rule):
    """Step by the sign of one mean of gradients, and keep another that forgets more slowly.

    c = β₁·m + (1 − β₁)·g;  w ← w − lr·(sign(c) + λ·w);  m ← β₂·m + (1 − β₂)·g, λ = `weight_decay`
    sign(0) = 0. Every parameter moves by lr, so lr is a third to a tenth of Adam's, and λ three to ten times
    AdamW's for the same decay. All parameters decay, biases too.
    Source: X. Chen et al., "Symbolic discovery of optimization algorithms" (2023), algorithm 2.
    """

    slots = 1
    lr: ClassVar = Number(default=1e-4, low=1e-8, high=100.0, log=True)
    beta1: ClassVar = Number(default=0.9, low=0.0, high=0.9999)
    beta2: ClassVar = Number(default=0.99, low=0.0, high=0.999999)
    weight_decay: ClassVar = Number(default=0.0, low=0.0, high=100.0, log=True)

    def constants(self, h: Mapping[str, Tensor], t: Tensor) -> Mapping[str, Tensor]:
        """Return what is left of w, and the weights of the new gradient."""
        return {
            "lr": h["lr"],
            "kept": 1 - h["lr"] * h["weight_decay"],
            "fresh1": 1 - h["beta1"],
            "fresh2": 1 - h["beta2"],
        }

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move w and m."""
        (m,) = slots
        w.mul_(c["kept"]).addcmul_(m.lerp(g, c["fresh1"]).sign_(), c["lr"], value=-1)
        m.lerp_(g, c["fresh2"])
