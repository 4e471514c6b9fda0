"""Huber loss: square for small errors, absolute for large ones."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.loss import BOTH, Loss, residual
from cnnlab.registry import register


@register
class Huber(Loss):
    """Continue the square as a straight line from an error of δ on, without a corner.

    L = Σ_j ½r_j² for |r_j| ≤ δ, δ(|r_j| − δ/2) beyond, r = y − ŷ; ∂L/∂ŷ = −r clipped to [−δ, δ]. ½ at r = 1
    and 3.375 at r = 3 with δ = 1.5. torch's HuberLoss; its SmoothL1Loss with β = δ is this divided by δ.
    A number has one r; a class has one for each score, y being one-hot.
    In the notes: only a picture, with 0.5 at r = 1 and 3.375 at r = 3: that is the ½ and δ = 1.5, while their
    square loss has no ½. Both are built as shown.
    Source: P. Huber, "Robust estimation of a location parameter" (1964).
    """

    tasks = BOTH
    delta: ClassVar = Number(default=1.5, low=1e-3, high=1e3, log=True)

    def value(self, scores: Tensor, target: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return L, (N, K)."""
        size, delta = residual(scores, target).abs(), h["delta"][:, None]
        return torch.where(size <= delta, size * size / 2, delta * (size - delta / 2)).sum(2)
