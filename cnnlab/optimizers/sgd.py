"""Stochastic gradient descent: the plain rule that all others modify."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Number
from cnnlab.optimizer import Rule
from cnnlab.registry import register


@register
class Sgd(Rule):
    """Step against the gradient of a mini-batch.

    w ← w − lr·g
    In the notes: SGD strictly means one image a step, but mostly mini-batches are meant. Both are available,
    and gradient descent on all images too: `train.batch_size` 1, k or full.
    Source: H. Robbins and S. Monro, "A stochastic approximation method" (1951).
    """

    lr: ClassVar = Number(default=0.1, low=1e-8, high=100.0, log=True)

    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Move w."""
        w.addcmul_(g, c["lr"], value=-1)
