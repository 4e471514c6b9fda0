"""Dropout: train a different part of the net on every image."""

from collections.abc import Sequence
from math import prod

from torch import Tensor

from cnnlab import noise
from cnnlab.layer import Context, Layer
from cnnlab.registry import register


@register
class Dropout(Layer):
    """Set each unit to 0 with probability p while training, and scale the others so that the mean stays.

    y = x·m/(1 − p), m = 0 with probability p, else 1; y = x when predicting. p is the hyperparameter at
    `path`, one per row: 0 is the identity, exactly, and 1 gives zeros. A mask depends on the trial's seed,
    its step, the layer and the place in the batch, and on nothing else.
    Source: N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting"
    (2014), section 10, whose p is the probability to keep.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return y, shaped as x."""
        if not context.training or self.path in context.idle:
            return x
        return x * self.factors(x, context)

    def factors(self, x: Tensor, context: Context) -> Tensor:
        """Return m/(1 − p), shaped as x (N, K, …)."""
        images, rows, *unit = x.shape
        keep = 1 - context.hypers[self.path].double()  # (K,)
        stream = noise.MASKS + context.layer * noise.STREAMS
        random = noise.bits(context.seed, stream, context.step, images * prod(unit))
        # A unit stays if its int32 is at most −2³¹ + (1 − p)·2³²; for p = 0 that is every int32.
        limit = ((keep - 0.5) * 2.0**32).clamp(-(2.0**31), 2.0**31 - 1).int()  # (K,)
        scale = (1 / keep).nan_to_num(posinf=0.0).to(x.dtype)  # (K,)
        kept = (random <= limit[:, None]) * scale[:, None]  # (K, N·…)
        return kept.view(rows, images, *unit).transpose(0, 1)
