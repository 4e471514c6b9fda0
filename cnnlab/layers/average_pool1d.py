"""Average pooling over time: a slower series of the same level."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import avg_pool2d

from cnnlab.layer import Context, Layer, Shape
from cnnlab.registry import register
from cnnlab.temporal import over_series, windows


@register
class AveragePool1d(Layer):
    """Keep the mean of each k steps.

    y[t] = (1/k) Σ x[st … st+k−1]. Without a stride s the windows touch. A remainder at the end is left out.
    Source: A. Waibel et al., "Phoneme recognition using time-delay neural networks" (1989), whose outputs
    gather evidence over all time.
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
        return over_series(lambda maps: avg_pool2d(maps, (1, self.kernel), (1, self.stride)), x)
