"""Sum pooling: how much there is of a feature in each window."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import avg_pool2d

from cnnlab.layer import Context, Layer, Shape, over_maps, pooled
from cnnlab.registry import register


@register
class SumPool2d(Layer):
    """Add up each k×k window.

    y[i, j] = Σ x[si … si+k−1, sj … sj+k−1], k² times the mean where a window is whole.
    Without a stride s the windows touch. A remainder at the edge is left out, or with `ceil` is a window of
    its own, cut at the edge; padding is 0.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), section II.
    """

    def __init__(self, kernel: int, stride: int | None = None, padding: int = 0, ceil: bool = False) -> None:
        self.kernel, self.stride, self.padding, self.ceil = kernel, stride or kernel, padding, ceil

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(2), (2, 6, 5)

    def output(self, shape: Shape) -> Shape:
        """Return (C, H′, W′); ConfigError if no window fits."""
        return pooled(shape, self.kernel, self.stride, self.padding, self.ceil)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, C, H′, W′)."""
        return over_maps(
            lambda maps: avg_pool2d(
                maps, self.kernel, self.stride, self.padding, self.ceil, divisor_override=1
            ),
            x,
        )
