"""Convolution and max pooling together: the pair in which a small convolutional net spends its time."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from cnnlab.kernels.conv_max import available, conv_max
from cnnlab.layer import Context, Layer, Shape, shared
from cnnlab.layers.connected_conv2d import ConnectedConv2d
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.registry import register

Convolution = Conv2d | ConnectedConv2d


@register
class ConvMax(Layer):
    """Apply a convolution and 2×2 max pooling as one compiled operation, where there is one.

    y[o, i, j] = max of the four (b[o] + Σ_c x[c] ⋆ w[o, c]) at [2i … 2i+1, 2j … 2j+1]. The output of the
    convolution is never written, and the backward pass multiplies only where a maximum was: three quarters of
    the gradient behind such a pooling are zeros. On other devices and in other types, or without the
    compiled library (`cnnlab/kernels/`), it is the two layers one after the other. Parameters are the
    convolution's.
    Source: the layers it joins, `conv2d` and `max-pool2d`; the same function.
    """

    compiled = True

    def __init__(self, convolution: Convolution, pool: MaxPool2d) -> None:
        self.convolution, self.pool = convolution, pool
        self.parameters = convolution.parameters
        self.layer_count = convolution.layer_count + pool.layer_count

    @classmethod
    def example(cls) -> tuple[Layer, Shape]:
        """Return a small one."""
        return cls(Conv2d(2, 3, 3, (1, 0)), MaxPool2d(2)), (2, 7, 6)

    def output(self, shape: Shape) -> Shape:
        """Return (outputs, H′, W′), as the two layers do."""
        return self.pool.output(self.convolution.output(shape))

    def multiply_adds(self, shape: Shape) -> int:
        """Return the convolution's."""
        return self.convolution.multiply_adds(shape)

    def connections(self, shape: Shape) -> int:
        """Return the convolution's and the pooling's."""
        return self.convolution.connections(shape) + self.pool.connections(self.convolution.output(shape))

    def activations(self, shape: Shape) -> int:
        """Return the convolution's and the pooling's: what is kept where the two run one after the other."""
        between = self.convolution.output(shape)
        return self.convolution.activations(shape) + self.pool.activations(between)

    def forward(self, x: Tensor, p: Sequence[Tensor], b: Sequence[Tensor], context: Context) -> Tensor:
        """Return (N, K, outputs, H′, W′)."""
        if not available(x):
            return self.pool.forward(self.convolution.forward(x, p, b, context), (), (), context)
        weight, bias = self.convolution.filters(p)
        # A row that is alone is not selected: the gradient of a selection begins as zeros.
        images = x[:, :1] if shared(x) and x.shape[1] > 1 else x
        return conv_max(images, weight, bias, self.convolution.padding)


def joined(layers: Mapping[str, Layer]) -> list[Layer]:
    """Return the layers with every convolution of stride 1 and the 2×2 max pooling behind it as one.

    Only these classes themselves are joined, not those derived from them: a plug-in's `forward` is its own.
    """
    found: list[Layer] = []
    for layer in layers.values():
        last = found[-1] if found else None
        if (
            type(layer) is MaxPool2d
            and (layer.kernel, layer.stride, layer.padding, layer.ceil) == (2, 2, 0, False)
            and isinstance(last, Conv2d | ConnectedConv2d)
            and type(last) in (Conv2d, ConnectedConv2d)
            and last.stride == 1
        ):
            found[-1] = ConvMax(last, layer)
        else:
            found.append(layer)
    return found
