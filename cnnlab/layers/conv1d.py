"""Temporal convolution: the same short filters at every step of a series."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from cnnlab import registry
from cnnlab.convolution import convolution_options
from cnnlab.layer import Context, Layer, Parameter, Shape, shared, shared_batch
from cnnlab.plain_code import PlainCode, TrainedLayer, call
from cnnlab.registry import register
from cnnlab.temporal import windows


@register
class Conv1d(Layer):
    """Correlate all input series with a filter each over time, for each output map.

    y[o, t] = b[o] + Σ_i Σ_{d<k} w[o, i, d] · x[i, st + d − p], p being zeros before and after the series;
    T′ = ⌊(T + 2p − k)/s⌋ + 1. A unit that sees k steps of its inputs has k − 1 time delays.
    `flip` turns each filter round in time, which is convolution proper: the same functions.
    Biases start as is usual with the initializer of the weights.
    Source: A. Waibel et al., "Phoneme recognition using time-delay neural networks" (1989);
    K. Lang, A. Waibel and G. Hinton, "A time-delay neural network architecture for isolated word recognition"
    (1990).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        padding: int = 0,
        bias: bool = True,
        stride: int = 1,
        *,
        flip: bool = False,
        initializer: str = "fan-in-uniform",
    ) -> None:
        self.inputs, self.outputs, self.kernel, self.padding = inputs, outputs, kernel, padding
        self.stride, self.flip, self.bias = stride, flip, bias
        fan_in, biases = inputs * kernel, registry.get("initializers", initializer).biases
        self.parameters = (
            Parameter("weight", (outputs, inputs, kernel), "weight", fan_in, initializer),
            *([Parameter("bias", (outputs,), "bias", fan_in, biases)] if bias else []),
        )

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(2, 3, 3, 1), (2, 7)

    def output(self, shape: Shape) -> Shape:
        """Return (outputs, T′); ConfigError if the filter is longer than the padded series."""
        return self.outputs, windows(shape, self.kernel, self.stride, self.padding)[1]

    def multiply_adds(self, shape: Shape) -> int:
        """Return T′ × outputs × inputs × kernel."""
        outputs, time = self.output(shape)
        return time * outputs * self.inputs * self.kernel

    def connections(self, shape: Shape) -> int:
        """Return the multiply-adds and, where there is a bias, one for each output."""
        outputs, time = self.output(shape)
        return self.multiply_adds(shape) + (outputs * time if self.bias else 0)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, outputs, T′): one wide convolution of a shared batch, else a group per row."""
        weight, *bias = p
        rows = len(weight)
        once = shared(x)
        maps = (shared_batch(x) if once else x.flatten(1, 2)).unsqueeze(2)  # (N, maps, 1, T)
        turned = weight.flip(3) if self.flip else weight
        # With images one pixel high and channels innermost, many narrow groups are fast on a CPU. A clone,
        # because contiguous() keeps odd strides where there is one channel.
        innermost = turned.transpose(2, 3).clone(memory_format=torch.contiguous_format)
        y = conv2d(
            maps,
            innermost.flatten(0, 1).transpose(1, 2).unsqueeze(2),  # (K·outputs, inputs, 1, kernel)
            bias[0].flatten() if bias else None,
            stride=(1, self.stride),
            padding=(0, self.padding),
            groups=1 if once else rows,
        )
        return y.view(-1, rows, self.outputs, y.shape[3])

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return nn.Conv1d; filters that are flipped here are stored the other way round there."""
        state = dict(trained.weights)
        if self.flip:
            state["weight"] = state["weight"].flip(2)
        options = convolution_options(self.stride, (self.padding,), self.bias)
        return PlainCode(call("nn.Conv1d", self.inputs, self.outputs, self.kernel, **options), state)
