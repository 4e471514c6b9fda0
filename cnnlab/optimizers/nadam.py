"""NAdam: Adam with Nesterov's momentum in place of the plain one."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab import moments
from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register

TERMS = 64  # of the series: the rest is below 2⁻⁶⁴ of the first
FADING = 0.96  # the paper's


@register
class NAdam(Rule):
    """Look ahead by the momentum of the next step, as Nesterov does, and divide as Adam does.

    μ_t = β₁·(1 − ½·0.96^(tψ)), ψ = `momentum_decay`; m and v as Adam's; d = √(v/(1 − β₂^t)) + eps;
    w ← w − lr·(1 − μ_t)/(1 − Π_{i≤t} μ_i) · g/d − lr·μ_{t+1}/(1 − Π_{i≤t+1} μ_i) · m/d, t = 1, 2, …
    torch's, whose m fades by β₁ and not by μ_t.
    Source: T. Dozat, "Incorporating Nesterov momentum into Adam" (2016), algorithm 2.
    """

    slots = 2
    lr: ClassVar = Number(default=0.002, low=1e-8, high=100.0, log=True)
    beta1: ClassVar = Number(default=0.9, low=0.0, high=0.9999)
    beta2: ClassVar = Number(default=0.999, low=0.0, high=0.999999)
    eps: ClassVar = Number(default=1e-8, low=1e-16, high=1.0, log=True)
    momentum_decay: ClassVar = Number(default=0.004, low=0.0, high=10.0)

    def constants(self, h: Mapping[str, Tensor], t: Tensor) -> Mapping[str, Tensor]:
        """Return the rates of the gradient and of its mean."""
        beta, decay = h["beta1"], h["momentum_decay"]
        now, after = (beta * (1 - FADING ** (at * decay) / 2) for at in (t, t + 1))
        product = beta**t * _product(decay, t)
        return moments.corrected(h, t) | {
            "of_gradient": h["lr"] * (1 - now) / (1 - product),
            "of_mean": h["lr"] * after / (1 - product * after),
        }

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move m, v and w."""
        m, v = slots
        moments.gather(g, m, v, c)
        divisor = v.sqrt().mul_(c["root"]).add_(c["eps"])
        w.addcdiv_((g * c["of_gradient"]).addcmul_(m, c["of_mean"]), divisor, value=-1)


def _product(decay: Tensor, t: Tensor) -> Tensor:
    """Return Π_{i=1}^t (1 − ½q^i) with q = 0.96^decay, (k, 1), so that no step needs the one before.

    Its logarithm is −Σ_n 2^(−n)/n · q^n(1 − q^(nt))/(1 − q^n); where q = 1, the fraction is t.
    """
    n = torch.arange(1, TERMS + 1, dtype=t.dtype, device=t.device)
    rate = decay * n * torch.full_like(t, FADING).log()  # ln qⁿ, (k, terms)
    still = rate == 0
    fraction = rate.exp() * (rate * t).expm1() / rate.where(~still, -1.0).expm1()
    terms = t.where(still, fraction) / (n * 2**n)
    # Halves are added up, not .sum(1), whose order of additions may depend on the number of rows.
    while terms.shape[1] > 1:
        half = terms.shape[1] // 2
        terms = terms[:, :half] + terms[:, half:]
    return (-terms).exp()
