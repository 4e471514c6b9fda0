"""Convolution, max pooling and ReLU together: where a small convolutional net spends its time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from cnnlab.kernels import library
from cnnlab.kernels.conv_max import conv_max
from cnnlab.kernels.convolution_way import WhereRelu
from cnnlab.layer import Context, Layer, Shape, shared
from cnnlab.layers.activate import Activate
from cnnlab.layers.connected_conv2d import ConnectedConv2d
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.plain_code import PlainCode, TrainedLayer, sequence
from cnnlab.registry import register

Convolution = Conv2d | ConnectedConv2d


@register
class ConvMax(Layer):
    """Apply a convolution, 2×2 max pooling and perhaps ReLU as one compiled operation, where there is one.

    y[o, i, j] = max of the four (b[o] + Σ_c x[c] ⋆ w[o, c]) at [2i … 2i+1, 2j … 2j+1], or 0 where ReLU stands
    beside the pooling and that is negative. The output of the convolution is never written, and the backward
    pass multiplies only where a maximum was: three quarters of the gradient behind such a pooling are zeros.
    On other devices and in other types, or without the compiled library (`cnnlab/kernels/`), it is the layers
    one after the other, or what was chosen of `cnnlab/kernels/ways/`. Parameters are the convolution's.
    Source: the layers it joins, `conv2d`, `max-pool2d` and `activate`; the same function.
    """

    compiled = True

    def __init__(self, convolution: Convolution, *behind: MaxPool2d | Activate) -> None:
        self.convolution, self.behind = convolution, behind
        self.layers: tuple[Layer, ...] = (convolution, *behind)
        self.parameters = convolution.parameters
        self.layer_count = sum(layer.layer_count for layer in self.layers)
        self.relu: WhereRelu = "none"
        if len(behind) == 2:
            self.relu = "behind" if isinstance(behind[0], MaxPool2d) else "before"

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(Conv2d(2, 3, 3, (1, 0)), MaxPool2d(2)), (2, 7, 6)

    def output(self, shape: Shape) -> Shape:
        """Return (outputs, H′, W′), as the layers do."""
        for layer in self.layers:
            shape = layer.output(shape)
        return shape

    def multiply_adds(self, shape: Shape) -> int:
        """Return the convolution's."""
        return self.convolution.multiply_adds(shape)

    def connections(self, shape: Shape) -> int:
        """Return the sum over the layers."""
        return sum(layer.connections(own) for layer, own in self._each(shape))

    def activations(self, shape: Shape) -> int:
        """Return the sum over the layers: what is kept where they run one after the other."""
        return sum(layer.activations(own) for layer, own in self._each(shape))

    def _each(self, shape: Shape) -> Iterator[tuple[Layer, Shape]]:
        for layer in self.layers:
            yield layer, shape
            shape = layer.output(shape)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, outputs, H′, W′)."""
        weight, bias = self.convolution.filters(p, context)
        if not library.takes(x):
            return context.ways.convolve_and_pool(x, weight, bias, self.convolution.padding, self.relu)
        # A row that is alone is not selected: the gradient of a selection begins as zeros.
        images = x[:, :1] if shared(x) and x.shape[1] > 1 else x
        return conv_max(images, weight, bias, self.convolution.padding, self.relu)

    def to_torch(self, trained: TrainedLayer) -> PlainCode:
        """Return the layers one after the other; the convolution has the weights."""
        parts, shape = {}, trained.shape
        for layer, name in zip(self.layers, ("convolution", "then", "last"), strict=False):
            parts[name] = layer.to_torch(replace(trained, shape=shape))
            shape = layer.output(shape)
        return sequence(parts)
