"""A list of times, and the factor that holds from each on."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab.hyper import Pieces
from cnnlab.registry import register
from cnnlab.schedule import UNIT, Schedule


@register
class Piecewise(Schedule):
    """Multiply by the factor of the latest time that has passed.

    value = start·f_i for a_i ≤ t < a_{i+1}, start before a_1; `pieces` are [[a_1, f_1], …], each factor
    relative to the start, not to the piece before.
    [[32000, 0.1], [48000, 0.01]] with unit iteration, from 0.1, is the schedule of residual nets on CIFAR-10;
    [[2, 0.4], [5, 0.2], [8, 0.1], [12, 0.02]], from 0.0005, the one of LeNet-5 in 1998.
    Source: K. He et al., "Deep residual learning for image recognition" (2015), section 4.2; Y. LeCun et al.,
    "Gradient-based learning applied to document recognition" (1998), section III.B.
    """

    pieces: ClassVar = Pieces(default=((10.0, 0.1),), most=16, low=0.0, high=1e6)
    unit: ClassVar = UNIT

    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return start times the factor."""
        times, factors = h["pieces"].unbind(2)  # (k, pieces)
        come = (t[:, None] >= times).sum(1, keepdim=True)
        factors = torch.cat((torch.ones_like(factors[:, :1]), factors), 1)
        return start * factors.gather(1, come)[:, 0]
