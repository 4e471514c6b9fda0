"""Convolution: the same small filters everywhere in an image."""

from collections.abc import Sequence

from torch import Tensor

from cnnlab import registry
from cnnlab.convolution import convolution_options, convolved
from cnnlab.layer import Context, Layer, Parameter, Shape
from cnnlab.plain_code import PlainCode, TrainedLayer, call
from cnnlab.registry import register


@register
class Conv2d(Layer):
    """Correlate all input maps with a filter each, for each output map.

    y[o] = b[o] + Σ_i x[i] ⋆ w[o, i], ⋆ being cross-correlation over H and W in steps of `stride`, with
    `padding` (rows, columns) of zeros on each side; H′ = ⌊(H + 2p − k)/stride⌋ + 1.
    `flip` turns each filter by 180°, which is convolution proper, as in the notes: the same functions.
    Biases start as is usual with the initializer of the weights, or by `bias_initializer`.
    In the notes: the formula is convolution proper and is said to be the same as correlation: the functions
    are the same, but the filters are turned by 180°, which is `flip`.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        padding: tuple[int, int] = (0, 0),
        bias: bool = True,
        stride: int = 1,
        *,
        flip: bool = False,
        initializer: str = "fan-in-uniform",
        bias_initializer: str | None = None,
    ) -> None:
        self.inputs, self.outputs, self.kernel, self.padding = inputs, outputs, kernel, padding
        self.stride, self.flip, self.bias = stride, flip, bias
        fan_in = inputs * kernel**2
        biases = bias_initializer or registry.get("initializers", initializer).biases
        self.parameters = (
            Parameter("weight", (outputs, inputs, kernel, kernel), "weight", fan_in, initializer),
            *([Parameter("bias", (outputs,), "bias", fan_in, biases)] if bias else []),
        )

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(2, 3, 3, (1, 0)), (2, 6, 5)

    def output(self, shape: Shape) -> Shape:
        """Return (outputs, H′, W′); ConfigError if the filter is larger than the padded image."""
        return convolved(shape, self.outputs, self.kernel, self.padding, self.stride)

    def multiply_adds(self, shape: Shape) -> int:
        """Return H′ × W′ × outputs × inputs × kernel²."""
        outputs, height, width = self.output(shape)
        return height * width * outputs * self.inputs * self.kernel**2

    def connections(self, shape: Shape) -> int:
        """Return the multiply-adds and, where there is a bias, one for each output."""
        outputs, height, width = self.output(shape)
        return self.multiply_adds(shape) + (outputs * height * width if self.bias else 0)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, outputs, H′, W′)."""
        return context.ways.convolve(x, *self.filters(p, context), self.padding, self.stride)

    def filters(self, p: Sequence[Tensor], context: Context) -> tuple[Tensor, Tensor | None]:
        """Return the filters (K, outputs, inputs, k, k) to correlate with, and the biases (K, outputs)."""
        weight, *bias = p
        return weight.flip(3, 4) if self.flip else weight, bias[0] if bias else None

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.Conv2d; filters that are flipped here are stored the other way round there."""
        state = dict(trained.weights)
        if self.flip:
            state["weight"] = state["weight"].flip(2, 3)
        options = convolution_options(self.stride, self.padding, self.bias)
        return PlainCode(call("nn.Conv2d", self.inputs, self.outputs, self.kernel, **options), state)
