"""Step decay whenever the validation loss stops improving."""

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab.hyper import Int, Number
from cnnlab.registry import register
from cnnlab.schedule import Schedule


@register
class Plateau(Schedule):
    """Multiply by a factor after more than `patience` epochs in a row without a new best validation loss.

    value = start·f^c, where c counts the cuts; an epoch improves if loss < best·(1 − threshold)
    Without a validation part the training loss counts. A NaN never improves. The literal rule has patience 0
    and threshold 0; torch's defaults are 10 and 1e-4. After a cut the count of epochs restarts, the best loss
    stays. Cuts happen between epochs, so there is no unit to choose.
    In the notes: ×0.5 "whenever the validation error stops improving": patience 0 and threshold 0, which
    are the defaults; here it is the validation loss.
    Source: torch.optim.lr_scheduler.ReduceLROnPlateau, mode min, threshold_mode rel.
    """

    memory = (0.0, math.inf, 0.0)  # cuts, the best loss, epochs without a better one
    factor: ClassVar = Number(default=0.5, low=1e-6, high=1.0, log=True)
    patience: ClassVar = Int(default=0, low=0, high=10_000, row=True)
    threshold: ClassVar = Number(default=0.0, low=0.0, high=0.5)

    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return start·f^c."""
        return start * h["factor"] ** memory[:, 0]

    def observe(self, loss: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> None:
        """Count the cuts, and the epochs without a better loss."""
        cuts, best, stale = memory.unbind(1)
        better = loss < best * (1 - h["threshold"])
        best.copy_(torch.where(better, loss, best))
        stale.add_(1).mul_(~better)
        late = stale > h["patience"]
        cuts.add_(late)
        stale.mul_(~late)
