"""Subsampling over time with two trained numbers per map: LeNet's, for series."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import avg_pool2d

from cnnlab.layer import Context, Layer, Parameter, Shape, with_dense_slope
from cnnlab.plain_code import PlainCode, TrainedLayer, module
from cnnlab.plain_modules import Subsampling
from cnnlab.registry import register
from cnnlab.temporal import over_series, windows


@register
class Subsample1d(Layer):
    """Add up each k steps, multiply by a coefficient of the map and add its bias; windows touch.

    y[c, t] = coefficient[c] · Σ x[c, kt … kt+k−1] + bias[c]: the sum, not the mean. A squashing function
    that follows is a separate layer. A remainder at the end is left out.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), section II.B;
    over time as Y. LeCun and Y. Bengio, "Convolutional networks for images, speech, and time series" (1995).
    """

    def __init__(self, maps: int, kernel: int = 2, initializer: str = "fan-in-uniform") -> None:
        self.kernel = kernel
        self.parameters = (
            Parameter("coefficient", (maps,), "scale", kernel, initializer),
            Parameter("bias", (maps,), "bias", kernel, initializer),
        )

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(2, 3), (2, 7)

    def output(self, shape: Shape) -> Shape:
        """Return (C, T/k), rounded down; ConfigError if no window fits."""
        return windows(shape, self.kernel)

    def multiply_adds(self, shape: Shape) -> int:
        """Return one for each output: the inputs are added before they are multiplied."""
        maps, time = self.output(shape)
        return maps * time

    def connections(self, shape: Shape) -> int:
        """Return k + 1 for each output."""
        return self.multiply_adds(shape) * (self.kernel + 1)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, C, T/k)."""
        coefficient, bias = (own[:, :, None] for own in p)  # (K, C, 1)
        sums = over_series(lambda maps: avg_pool2d(maps, (1, self.kernel), divisor_override=1), x)
        return with_dense_slope(coefficient * sums + bias)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return a module of its own."""
        maps = len(trained.weights["bias"])
        return PlainCode(module(Subsampling, maps, (1, self.kernel)), trained.weights, (Subsampling,))
