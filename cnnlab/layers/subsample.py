"""Subsampling with two trained numbers per map: the pooling of the original LeNet."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import avg_pool2d

from cnnlab.layer import Context, Layer, Parameter, Shape, over_maps, with_dense_slope
from cnnlab.plain_code import PlainCode, TrainedLayer, module
from cnnlab.plain_modules import Subsampling
from cnnlab.pooling import pooled
from cnnlab.registry import register


@register
class Subsample(Layer):
    """Add up each k×k window, multiply by a coefficient of the map and add its bias; windows touch.

    y[c] = coefficient[c] · Σ x[c, ki … ki+k−1, kj … kj+k−1] + bias[c]: the sum, not the mean. The squashing
    function that follows in LeNet is a separate layer. A remainder at the edge is left out.
    In the notes: subsampling is said to handle rotation; LeCun claims it only for shifts, scales and small
    distortions.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), section II.B.
    """

    def __init__(self, maps: int, kernel: int = 2, initializer: str = "fan-in-uniform") -> None:
        self.kernel = kernel
        self.parameters = (
            Parameter("coefficient", (maps,), "scale", kernel**2, initializer),
            Parameter("bias", (maps,), "bias", kernel**2, initializer),
        )

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(2), (2, 6, 5)

    def output(self, shape: Shape) -> Shape:
        """Return (C, H/k, W/k), rounded down; ConfigError if no window fits."""
        return pooled(shape, self.kernel)

    def multiply_adds(self, shape: Shape) -> int:
        """Return one for each output: the inputs are added before they are multiplied."""
        maps, height, width = self.output(shape)
        return maps * height * width

    def connections(self, shape: Shape) -> int:
        """Return k² + 1 for each output: 5,880 in S2 of LeNet-5."""
        return self.multiply_adds(shape) * (self.kernel**2 + 1)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, C, H/k, W/k)."""
        coefficient, bias = (own[:, :, None, None] for own in p)  # (K, C, 1, 1)
        sums = over_maps(lambda maps: avg_pool2d(maps, self.kernel, divisor_override=1), x)
        return with_dense_slope(coefficient * sums + bias)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return a module of its own."""
        maps = len(trained.weights["bias"])
        return PlainCode(
            module(Subsampling, maps, (self.kernel, self.kernel)), trained.weights, (Subsampling,)
        )
