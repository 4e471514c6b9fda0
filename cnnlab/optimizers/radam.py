"""RAdam: Adam that divides only once its mean of squares can be trusted."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab import moments
from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class RAdam(Rule):
    """Take steps of momentum at first, then Adam's, shortened while the mean of squares is of few gradients.

    ρ_∞ = 2/(1 − β₂) − 1;  ρ_t = ρ_∞ − 2t·β₂^t/(1 − β₂^t);  m̂ = m/(1 − β₁^t), with Adam's m and v;
    ρ_t ≤ 5: w ← w − lr·m̂;  else w ← w − lr · r · m̂ · √(1 − β₂^t) / (√v + eps),
    r = √( (ρ_t − 4)(ρ_t − 2)ρ_∞ / ((ρ_∞ − 4)(ρ_∞ − 2)ρ_t) )
    With β₂ = 0.999 the first five steps are momentum's. The paper has 4 where 5 stands here, as in torch.
    Source: L. Liu et al., "On the variance of the adaptive learning rate and beyond" (2020), algorithm 2.
    """

    slots = 2
    lr: ClassVar = Number(default=0.001, low=1e-8, high=100.0, log=True)
    beta1: ClassVar = Number(default=0.9, low=0.0, high=0.9999)
    beta2: ClassVar = Number(default=0.999, low=0.0, high=0.999999)
    eps: ClassVar = Number(default=1e-8, low=1e-16, high=1.0, log=True)

    def constants(self, h: Mapping[str, Tensor], t: Tensor) -> Mapping[str, Tensor]:
        """Return the rates of both rules; one of them is 0."""
        c = moments.corrected(h, t)
        faded = h["beta2"] ** t
        limit = 2 / (1 - h["beta2"]) - 1
        length = limit - 2 * t * faded / (1 - faded)
        trusted = length > 5
        # Where it is not trusted, the root of something negative would be NaN, which no factor removes.
        safe, most = length.clamp(min=5), limit.clamp(min=5)
        square = (safe - 4) * (safe - 2) * most / ((most - 4) * (most - 2) * safe)
        divided = c["rate"] * (square * (1 - faded)).sqrt()
        zero = torch.zeros_like(divided)
        return c | {"plain": zero.where(trusted, c["rate"]), "divided": divided.where(trusted, zero)}

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move m, v and w."""
        m, v = slots
        moments.gather(g, m, v, c)
        w.addcmul_(m, c["divided"] / v.sqrt().add_(c["eps"]) + c["plain"], value=-1)
