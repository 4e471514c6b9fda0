"""Flatten: maps become one vector."""

from collections.abc import Sequence
from math import prod

from torch import Tensor

from cnnlab.layer import Context, Layer, Shape, shared, shared_batch
from cnnlab.plain_code import PlainCode, TrainedLayer
from cnnlab.registry import register


@register
class Flatten(Layer):
    """Concatenate the maps of an image.

    y[(c·H + h)·W + w] = x[c, h, w]
    Source: torch.nn.Flatten, whose order this is.
    """

    def output(self, shape: Shape) -> Shape:
        """Return (C·H·W,)."""
        return (prod(shape),)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, C·H·W); a shared batch stays shared."""
        if shared(x):
            return shared_batch(x).flatten(1)[:, None].expand(-1, x.shape[1], -1)
        return x.flatten(2)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.Flatten."""
        return PlainCode("nn.Flatten()")
