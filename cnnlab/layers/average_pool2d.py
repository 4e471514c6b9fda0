"""Average pooling: a smaller image of the same brightness."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import avg_pool2d

from cnnlab.layer import Context, Layer, Shape, over_maps, pooled
from cnnlab.registry import register


@register
class AveragePool2d(Layer):
    """Keep the mean of each k×k window.

    y[i, j] = (1/n) Σ x[si … si+k−1, sj … sj+k−1]; n = k², or, where padding does not `count`, the pixels of
    the image in the window. Without a stride s the windows touch. A remainder at the edge is left out, or
    with `ceil` is a window of its own, cut at the edge; padding is 0.
    Source: Y. LeCun et al., "Backpropagation applied to handwritten zip code recognition" (1989).
    """

    def __init__(
        self, kernel: int, stride: int | None = None, padding: int = 0, ceil: bool = False, count: bool = True
    ) -> None:
        self.kernel, self.stride, self.padding, self.ceil = kernel, stride or kernel, padding, ceil
        self.count = count  # whether padding does, as in torch

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
            lambda maps: avg_pool2d(maps, self.kernel, self.stride, self.padding, self.ceil, self.count), x
        )
