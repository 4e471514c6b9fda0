"""Multiclass support vector machine loss: a margin between scores, no probabilities."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.loss import Loss
from cnnlab.registry import register


@register
class Svm(Loss):
    """Require that the right class scores higher than every other by a margin.

    L = Σ_{j≠y} max(0, s_j − s_y + margin); classes − 1 for equal scores and a margin of 1; derivative 0
    at the kink. This is `classes` times torch's MultiMarginLoss, which divides the sum.
    In the notes: s_j is called a probability and the loss of one image L_1; they are scores, and L_i.
    Source: J. Weston and C. Watkins, "Support vector machines for multi-class pattern recognition" (1999).
    """

    margin: ClassVar = Number(default=1.0, low=1e-3, high=1e3, log=True)

    def value(self, scores: Tensor, target: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return L, (N, K)."""
        right = target[..., None]
        excess = torch.relu(scores - scores.gather(2, right) + h["margin"][:, None])  # (N, K, classes)
        return excess.scatter(2, right, 0.0).sum(2)
