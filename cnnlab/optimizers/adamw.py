"""AdamW: Adam, with a weight decay that its division does not reach."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab import moments
from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class AdamW(Rule):
    """Shrink all parameters a little, then take Adam's step.

    w ← w − lr·λ·w;  m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;
    w ← w − lr · m/(1 − β₁^t) / (√(v/(1 − β₂^t)) + eps), t = 1, 2, …, λ = `weight_decay`
    The gradient is that before the decay. All parameters shrink, biases and normalization too, as in torch's
    AdamW without groups of parameters; to leave those out, set `weight_decay: 0` and `train.weight-decay`,
    which covers weights alone.
    Source: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization" (2019), algorithm 2, with the
    decay multiplied by lr as in torch.
    """

    slots = 2
    lr: ClassVar = Number(default=0.001, low=1e-8, high=100.0, log=True)
    beta1: ClassVar = Number(default=0.9, low=0.0, high=0.9999)
    beta2: ClassVar = Number(default=0.999, low=0.0, high=0.999999)
    eps: ClassVar = Number(default=1e-8, low=1e-16, high=1.0, log=True)
    weight_decay: ClassVar = Number(default=0.01, low=0.0, high=100.0, log=True)

    def constants(self, h: Mapping[str, Tensor], t: Tensor) -> Mapping[str, Tensor]:
        """Return Adam's numbers, and the factor of the decay."""
        return moments.corrected(h, t) | {"kept": 1 - h["lr"] * h["weight_decay"]}

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move m, v and w."""
        m, v = slots
        w.mul_(c["kept"])
        moments.descend(w, g, m, v, c)
