"""Half waves of a cosine, one behind the other: SGDR."""

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab.hyper import Int, Number
from cnnlab.registry import register
from cnnlab.schedule import UNIT, Schedule


@register
class CosineRestarts(Schedule):
    """Fall as `cosine` does, and begin anew at the start whenever `to` is reached, each time for longer.

    value = to + (start − to)·(1 + cos(π·s/n_i))/2; wave i = 0, 1, … takes n_i = n·m^i, n = `every`, m =
    `growth`, and s counts from its beginning
    torch's CosineAnnealingWarmRestarts; T_0 is `every`, T_mult is `growth`.
    Source: I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017),
    equation 5.
    """

    every: ClassVar = Int(default=10, low=1, high=1_000_000_000, row=True)
    growth: ClassVar = Int(default=1, low=1, high=100, row=True)
    to: ClassVar = Number(default=0.0, low=0.0, high=100.0)
    unit: ClassVar = UNIT

    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return a point of the wave that t is in."""
        waves, growth = t / h["every"], h["growth"]
        alike, more = growth == 1, growth.clamp(min=2)
        # Waves before number i take (m^i − 1)/(m − 1) first ones; the logarithm may be off by its rounding.
        i = ((waves * (more - 1) + 1).log() / more.log()).floor()
        i = torch.where(_begun(i + 1, more) <= waves, i + 1, i)
        i = torch.where(_begun(i, more) > waves, i - 1, i)
        part = torch.where(alike, waves - waves.floor(), (waves - _begun(i, more)) / more**i)
        return h["to"] + (start - h["to"]) * (1 + (math.pi * part).cos()) / 2


def _begun(i: Tensor, growth: Tensor) -> Tensor:
    """Return where wave i begins, in lengths of the first; m^i is rounded to the whole number that it is."""
    return ((growth**i).round() - 1) / (growth - 1)
