"""Convolution: the same small filters everywhere in an image."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from cnnlab.errors import ConfigError
from cnnlab.layer import Context, Layer, Parameter, Shape, shared
from cnnlab.registry import register


@register
class Conv2d(Layer):
    """Correlate every input map with a filter, for each output map; stride 1.

    y[o] = b[o] + Σ_i x[i] ⋆ w[o, i], ⋆ being cross-correlation over H and W, zeros outside the image.
    A convolution proper has its filters turned by 180°: the same functions.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998).
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, padding: tuple[int, int] = (0, 0), bias: bool = True
    ) -> None:
        self.inputs, self.outputs, self.kernel, self.padding = inputs, outputs, kernel, padding
        fan_in = inputs * kernel * kernel
        self.parameters = (
            Parameter("weight", (outputs, inputs, kernel, kernel), "weight", fan_in, "fan-in-uniform"),
            *([Parameter("bias", (outputs,), "bias", fan_in, "fan-in-uniform")] if bias else []),
        )

    def output(self, shape: Shape) -> Shape:
        """Return (outputs, H′, W′); ConfigError if the filter is larger than the padded image."""
        _, height, width = shape
        sides = tuple(s + 2 * p - self.kernel + 1 for s, p in zip((height, width), self.padding, strict=True))
        if min(sides) < 1:
            raise ConfigError(
                "model", f"a {self.kernel}×{self.kernel} filter does not fit maps of {height}×{width}"
            )
        return self.outputs, *sides

    def multiply_adds(self, shape: Shape) -> int:
        """Return outputs × H′ × W′ × inputs × kernel²."""
        outputs, height, width = self.output(shape)
        return outputs * height * width * self.inputs * self.kernel**2

    def connections(self, shape: Shape) -> int:
        """Return the multiply-adds and, where there is a bias, one for each output."""
        outputs, height, width = self.output(shape)
        biases = outputs * height * width if len(self.parameters) == 2 else 0
        return self.multiply_adds(shape) + biases

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, outputs, H′, W′): one wide convolution of a shared batch, else a group per row."""
        weight, *bias = p
        rows = len(weight)
        once = shared(x)
        # Channels innermost is the layout in which many narrow groups are fast on a CPU. A clone, because
        # contiguous() keeps odd strides where there is one channel, and the convolution then looks at those.
        nhwc = weight.permute(0, 1, 3, 4, 2).clone(memory_format=torch.contiguous_format)
        wide = nhwc.flatten(0, 1).permute(0, 3, 1, 2)  # (K·outputs, inputs, kernel, kernel)
        y = conv2d(
            x[:, 0] if once else x.flatten(1, 2),
            wide,
            bias[0].flatten() if bias else None,
            padding=self.padding,
            groups=1 if once else rows,
        )
        return y.view(-1, rows, self.outputs, *y.shape[2:])
