"""Bounds of gradients: of each number, and of the norm of a row."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cnnlab.rowwise import norm

FIELDS = ("clip_value", "clip_norm")
LEAST = 1e-6  # torch's, which avoids 0/0


class Clipping:
    """Clips the gradients of an array's rows, penalties included, each row by its own bounds.

    g ← max(−c, min(c, g)), c = `train.clip_value`; then g ← g·min(1, b/(‖g‖₂ + 1e-6)), b = `train.clip_norm`,
    ‖g‖₂ being over all parameters of that row. torch's clip_grad_value_ and clip_grad_norm_. A row without a
    bound keeps its bits.
    Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks"
    (2013), algorithm 1.
    """

    def __init__(
        self, configs: Sequence[Mapping[str, Any]], device: torch.device, dtype: torch.dtype
    ) -> None:
        self._bounds: dict[str, Tensor] = {}
        for field in FIELDS:
            given = [config["train"][field] for config in configs]
            if any(bound != "none" for bound in given):
                numbers = [math.inf if bound == "none" else bound for bound in given]
                self._bounds[field] = torch.tensor(numbers, dtype=dtype, device=device)[:, None]  # (K, 1)

    def clip(self, gradient: Tensor) -> None:
        """Change a gradient, (K, P), in place."""
        if "clip_value" in self._bounds:
            bound = self._bounds["clip_value"]
            gradient.copy_(gradient.clamp(-bound, bound))
        if "clip_norm" in self._bounds:
            bound = self._bounds["clip_norm"]
            factor = (bound / (norm(gradient) + LEAST)).clamp(max=1)
            # Without a bound the factor is 1 also where the norm is infinite.
            gradient.mul_(factor.where(bound.isfinite(), torch.ones_like(factor)))
