"""Adam: momentum over RMSprop, both corrected for starting at zero."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab import moments
from cnnlab.hyper import Choice, Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class Adam(Rule):
    """Divide a running mean of the gradient by the root of a running mean of its square.

    m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;
    w ← w − lr · m/(1 − β₁^t) / (√(v/(1 − β₂^t)) + eps), t = 1, 2, …
    `bias_correction: none` leaves out the divisors 1 − β^t: w ← w − lr · m / (√v + eps). Its first step
    is (1 − β₁)/√(1 − β₂) times as long, 3.162 with the defaults.
    Source: D. Kingma and J. Ba, "Adam: a method for stochastic optimization" (2014), algorithm 1.
    """

    slots = 2
    lr: ClassVar = Number(default=0.001, low=1e-8, high=100.0, log=True)
    beta1: ClassVar = Number(default=0.9, low=0.0, high=0.9999)
    beta2: ClassVar = Number(default=0.999, low=0.0, high=0.999999)
    eps: ClassVar = Number(default=1e-8, low=1e-16, high=1.0, log=True)
    bias_correction: ClassVar = Choice(default="full", options=("full", "none"), row=True)

    def constants(self, h: Mapping[str, Tensor], t: Tensor) -> Mapping[str, Tensor]:
        """Return both corrections, each 1 where they are left out."""
        full, c = h["bias_correction"] == self.bias_correction.index("full"), moments.corrected(h, t)
        rate, root = torch.where(full, c["rate"], h["lr"]), torch.where(full, c["root"], 1.0)
        return c | {"rate": rate, "root": root}

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move m, v and w."""
        m, v = slots
        moments.descend(w, g, m, v, c)
