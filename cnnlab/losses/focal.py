"""Focal loss: images that are right already hardly count, so that many of them do not outweigh few."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from cnnlab.hyper import ClassWeights, Number
from cnnlab.loss import Loss
from cnnlab.registry import register


@register
class Focal(Loss):
    """Weigh the softmax loss by a power of how improbable the right class seems.

    L = −w_y·(1 − p_y)^γ·log(p_y), p the softmax of the scores; γ = 0 is the softmax loss. `class_weights` are
    the paper's α, for any number of classes; `balanced` as for softmax, and so is the mean over a batch.
    Source: T.-Y. Lin et al., "Focal loss for dense object detection" (2017), equation 5.
    """

    gamma: ClassVar = Number(default=2.0, low=0.0, high=20.0)
    class_weights: ClassVar = ClassWeights()

    def value(self, scores: Tensor, target: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return L, (N, K)."""
        right = target[..., None]
        log_p = log_softmax(scores, 2).gather(2, right).squeeze(2)
        missing = scores.softmax(2).scatter(2, right, 0.0).sum(2)  # 1 − p_y would have few digits near 0
        # A power of 0 below 1 has an infinite slope, while L itself has the slope 0 there.
        missing = missing.clamp(min=torch.finfo(scores.dtype).tiny)
        # Row by row: a processor may round a power by its place among others, and rows by their number.
        powers = [
            own.contiguous() ** g.expand(len(own))
            for own, g in zip(missing.unbind(1), h["gamma"], strict=True)
        ]
        weights = h["class_weights"].expand(len(scores), -1, scores.shape[2]).gather(2, right).squeeze(2)
        return -weights * torch.stack(powers, 1) * log_p
