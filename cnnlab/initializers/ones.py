"""Ones: no change of scale at the start."""

import torch
from torch import Tensor

from cnnlab.initializer import Initializer
from cnnlab.registry import register


@register
class Ones(Initializer):
    """Start at 1, whatever the seed.

    w = 1.
    Source: S. Ioffe and C. Szegedy, "Batch normalization" (2015), where γ starts at 1 and β at 0.
    """

    def value(self, u: Tensor, fan_in: int, fan_out: int) -> Tensor:
        """Return ones."""
        return torch.ones_like(u)
