"""Zeros: no shift at the start."""

import torch
from torch import Tensor

from cnnlab.initializer import Initializer
from cnnlab.registry import register


@register
class Zeros(Initializer):
    """Start at 0, whatever the seed.

    w = 0.
    Source: S. Ioffe and C. Szegedy, "Batch normalization" (2015), where γ starts at 1 and β at 0.
    """

    def value(self, u: Tensor, fan_in: int, fan_out: int) -> Tensor:
        """Return zeros."""
        return torch.zeros_like(u)
