"""Max pooling: whether a feature is there matters more than exactly where."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import max_pool2d

from cnnlab.layer import Context, Layer, Shape, over_maps, pooled
from cnnlab.registry import register


@register
class MaxPool2d(Layer):
    """Keep the largest of each k×k window; windows touch, a remainder at the edge is left out.

    y[i, j] = max x[ki … ki+k−1, kj … kj+k−1]; a tie's gradient goes to the first maximum.
    Source: M. Riesenhuber and T. Poggio, "Hierarchical models of object recognition in cortex" (1999).
    """

    def __init__(self, kernel: int) -> None:
        self.kernel = kernel

    def output(self, shape: Shape) -> Shape:
        """Return (C, H/k, W/k), rounded down; ConfigError if no window fits."""
        return pooled(shape, self.kernel)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, C, H/k, W/k)."""
        return over_maps(lambda maps: max_pool2d(maps, self.kernel), x)
