"""Min pooling: the darkest point of each window."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import max_pool2d

from cnnlab.layer import Context, Layer, Shape, over_maps, pooled
from cnnlab.registry import register


@register
class MinPool2d(Layer):
    """Keep the smallest of each k×k window.

    y[i, j] = min x[si … si+k−1, sj … sj+k−1] = −max(−x); a tie's gradient goes to the first minimum.
    Without a stride s the windows touch. A remainder at the edge is left out, or with `ceil` is a window of
    its own, cut at the edge; padding is +∞, never the smallest.
    In the notes: printed as "Mini-pooling". Behind a ReLU nearly every window has a 0, and before one nearly
    every window has a number below 0: either way little is left, and an activation with two sides does
    better.
    Source: J. Serra, "Image analysis and mathematical morphology" (1982), as erosion by a square.
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
            lambda maps: -max_pool2d(-maps, self.kernel, self.stride, self.padding, ceil_mode=self.ceil), x
        )
