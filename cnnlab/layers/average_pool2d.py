"""Average pooling: a smaller image of the same brightness."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import avg_pool2d

from cnnlab.layer import Context, Layer, Shape, over_maps, pooled
from cnnlab.registry import register


@register
class AveragePool2d(Layer):
    """Keep the mean of each k×k window; windows touch, a remainder at the edge is left out.

    y[i, j] = (1/k²) Σ x[ki … ki+k−1, kj … kj+k−1]
    Source: Y. LeCun et al., "Backpropagation applied to handwritten zip code recognition" (1989).
    """

    def __init__(self, kernel: int) -> None:
        self.kernel = kernel

    def output(self, shape: Shape) -> Shape:
        """Return (C, H/k, W/k), rounded down; ConfigError if no window fits."""
        return pooled(shape, self.kernel)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, C, H/k, W/k)."""
        return over_maps(lambda maps: avg_pool2d(maps, self.kernel), x)
