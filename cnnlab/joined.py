"""Which neighbours in a chain run as one operation."""

from collections.abc import Mapping
from typing import TypeGuard, get_args

from cnnlab.activations.relu import Relu
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.connected_conv2d import ConnectedConv2d
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.conv_max import ConvMax, Convolution
from cnnlab.layers.max_pool2d import MaxPool2d


def joined(layers: Mapping[str, Layer]) -> list[Layer]:
    """Return the layers with those as one for which there is one operation.

    They are a convolution of stride 1, 2×2 max pooling and a ReLU beside it; and batch normalization and a
    ReLU behind it, also behind a residual block whose body ends with that. Only these classes themselves are
    joined, not those derived from them: a plug-in's `forward` is its own.
    """
    found: list[Layer] = []
    for layer in layers.values():
        match [*found[-2:], layer]:
            case [*_, ConvMax(relu="none") as last, Activate()] if _is_relu(layer):
                found[-1] = ConvMax(last.convolution, *last.behind, layer)
            case [*_, convolution, MaxPool2d()] if _starts(convolution) and _is_two_by_two(layer):
                found[-1] = ConvMax(convolution, layer)
            case [convolution, Activate() as relu, MaxPool2d()] if (
                _starts(convolution) and _is_relu(relu) and _is_two_by_two(layer)
            ):
                found[-2:] = [ConvMax(convolution, relu, layer)]
            case [*_, last, Activate()] if _is_relu(layer) and (both := last.with_relu()):
                found[-1] = both
            case _:
                found.append(layer)
    return found


def _starts(layer: Layer) -> TypeGuard[Convolution]:
    return (
        isinstance(layer, Conv2d | ConnectedConv2d)
        and layer.stride == 1
        and type(layer) in get_args(Convolution)
    )


def _is_two_by_two(layer: Layer) -> TypeGuard[MaxPool2d]:
    return type(layer) is MaxPool2d and (layer.kernel, layer.stride, layer.padding, layer.ceil) == (
        2,
        2,
        0,
        False,
    )


def _is_relu(layer: Layer) -> TypeGuard[Activate]:
    return type(layer) is Activate and type(layer.activation) is Relu
