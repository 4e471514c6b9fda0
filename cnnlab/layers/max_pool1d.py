"""Max pooling over time: that a feature came matters more than exactly when."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import max_pool2d

from cnnlab.layer import Context, Layer, Shape
from cnnlab.registry import register
from cnnlab.temporal import over_series, windows


@register
class MaxPool1d(Layer):
    """Keep the largest of each k steps.

    y[t] = max x[st … st+k−1]; a tie's gradient goes to the first maximum. Without a stride s the windows
    touch. A remainder at the end is left out.
    Source: M. Riesenhuber and T. Poggio, "Hierarchical models of object recognition in cortex" (1999); over
    time as Y. LeCun and Y. Bengio, "Convolutional networks for images, speech, and time series" (1995).
    """

    def __init__(self, kernel: int, stride: int | None = None) -> None:
        self.kernel, self.stride = kernel, stride or kernel

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(2), (2, 7)

    def output(self, shape: Shape) -> Shape:
        """Return (C, T′); ConfigError if no window fits."""
        return windows(shape, self.kernel, self.stride)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, C, T′); a shared batch stays shared."""
        return over_series(lambda maps: max_pool2d(maps, (1, self.kernel), (1, self.stride)), x)
