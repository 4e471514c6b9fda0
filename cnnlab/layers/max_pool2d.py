"""Max pooling: whether a feature is there matters more than exactly where."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import max_pool2d

from cnnlab.layer import Context, Layer, Shape, over_maps, pooled
from cnnlab.registry import register


@register
class MaxPool2d(Layer):
    """Keep the largest of each k×k window.

    y[i, j] = max x[si … si+k−1, sj … sj+k−1]; a tie's gradient goes to the first maximum.
    Without a stride s the windows touch. A remainder at the edge is left out, or with `ceil` is a window of
    its own, cut at the edge; padding is −∞, never the largest.
    Source: M. Riesenhuber and T. Poggio, "Hierarchical models of object recognition in cortex" (1999);
    windows that overlap: A. Krizhevsky et al., "ImageNet classification with deep convolutional neural
    networks" (2012).
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
            lambda maps: max_pool2d(maps, self.kernel, self.stride, self.padding, ceil_mode=self.ceil), x
        )
