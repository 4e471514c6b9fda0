"""One cycle: up to a large rate, and down to almost none."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from cnnlab.hyper import Choice, Number
from cnnlab.registry import register
from cnnlab.schedule import OVER, UNIT, Schedule


@register
class OneCycle(Schedule):
    """Rise from a fraction of the optimizer's number to it, then fall far below that fraction.

    first = start/`div`, last = first/`final_div`, each way half a wave of a cosine; up until t = `up`·n, down
    until t = n = `over`, then constant. The optimizer's lr is thus the greatest.
    torch's OneCycleLR with two phases, which reaches both ends one step earlier: `up`·N − 1 and N − 1. As
    train.momentum_schedule it goes the other way where div < 1: with momentum 0.85, div 0.895 and final_div 1
    from 0.95 to 0.85 and back.
    Source: L. Smith and N. Topin, "Super-convergence: very fast training of neural networks using large
    learning rates" (2017); the form and its defaults are torch's.
    """

    over: ClassVar = OVER
    up: ClassVar = Number(default=0.3, low=0.0, high=1.0)
    div: ClassVar = Number(default=25.0, low=0.1, high=1e6, log=True)
    final_div: ClassVar = Number(default=1e4, low=1.0, high=1e12, log=True)
    unit: ClassVar = Choice(default="fraction", options=UNIT.options, row=True)

    def at_rest(self, choice: Mapping[str, Any]) -> bool:
        """Return True: the last rate is a small part of the first."""
        return True

    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return a point of one of the two waves."""
        first = start / h["div"]
        last = first / h["final_div"]
        part = (t / h["over"]).clamp(max=1)
        tiny = torch.finfo(part.dtype).tiny  # a wave of no length is over
        rising = (part / h["up"].clamp(min=tiny)).clamp(max=1)
        falling = ((part - h["up"]) / (1 - h["up"]).clamp(min=tiny)).clamp(0, 1)
        return torch.where(part < h["up"], _wave(first, start, rising), _wave(start, last, falling))


def _wave(first: Tensor, last: Tensor, part: Tensor) -> Tensor:
    return last + (first - last) * (1 + (math.pi * part).cos()) / 2
