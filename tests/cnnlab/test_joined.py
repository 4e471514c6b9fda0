"""Neighbours for which there is one operation are joined, no others."""

import pytest

from cnnlab.activations.relu import Relu
from cnnlab.joined import joined
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.average_pool2d import AveragePool2d
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.connected_conv2d import ConnectedConv2d
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.conv_max import ConvMax
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.layers.residual import Residual

CONVOLUTION, POOL = Conv2d(1, 2, 3), MaxPool2d(2)
RELU, SIGMOID = Activate("relu", "model.activation"), Activate("sigmoid", "model.activation")


class OwnConvolution(Conv2d):
    """A plug-in's convolution, with a forward pass of its own."""


@pytest.mark.parametrize(
    "convolution",
    [
        CONVOLUTION,
        Conv2d(1, 2, 3, flip=True),
        Conv2d(1, 2, 3, bias=False),
        ConnectedConv2d(1, 1, 3, table=[[0]]),
    ],
)
def test_a_convolution_and_its_pooling_are_joined(convolution: Conv2d) -> None:
    (both,) = joined({"conv": convolution, "pool": POOL})
    assert isinstance(both, ConvMax)
    assert both.layers == (convolution, POOL)


@pytest.mark.parametrize(("behind", "relu"), [((POOL, RELU), "behind"), ((RELU, POOL), "before")])
def test_a_relu_beside_the_pooling_is_joined(behind: tuple[Layer, Layer], relu: str) -> None:
    both, last = joined({"conv": CONVOLUTION, "first": behind[0], "second": behind[1], "act": RELU})
    assert isinstance(both, ConvMax)
    assert (both.layers, both.relu) == ((CONVOLUTION, *behind), relu)
    assert last is RELU


class OwnRelu(Relu):
    """A plug-in's activation, with a formula of its own."""


def test_no_other_activation_is() -> None:
    own = Activate("relu", "model.activation")
    own.activation = OwnRelu()
    for act in (SIGMOID, own):
        (both, last) = joined({"conv": CONVOLUTION, "pool": POOL, "act": act})
        assert isinstance(both, ConvMax)
        assert (both.relu, last) == ("none", act)
        assert joined({"conv": CONVOLUTION, "act": act, "pool": POOL}) == [CONVOLUTION, act, POOL]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Conv2d(1, 2, 3, stride=2), POOL),
        (OwnConvolution(1, 2, 3), POOL),
        (CONVOLUTION, AveragePool2d(2)),
        (CONVOLUTION, MaxPool2d(3)),
        (CONVOLUTION, MaxPool2d(2, 1)),
        (CONVOLUTION, MaxPool2d(2, padding=1)),
        (CONVOLUTION, MaxPool2d(2, ceil=True)),
        (BatchNorm(1), POOL),
        (POOL, CONVOLUTION),
    ],
)
def test_other_neighbours_are_not(first: Conv2d, second: MaxPool2d) -> None:
    assert joined({"first": first, "second": second}) == [first, second]


class OwnNorm(BatchNorm):
    """A plug-in's normalization, with a forward pass of its own."""


class OwnBlock(Residual):
    """A plug-in's block, with a forward pass of its own."""


NORM = BatchNorm(2)


@pytest.mark.parametrize(
    "layer",
    [NORM, Residual({"conv": Conv2d(2, 2, 1), "norm": NORM}), Residual({"norm": NORM}, {"pool": POOL})],
)
def test_a_normalization_and_its_relu_are_joined(layer: Layer) -> None:
    both, last = joined({"layer": layer, "act": RELU, "again": RELU})
    assert type(both) is type(layer)
    assert both is not layer
    assert both.layer_count == layer.layer_count + 1
    assert (both.parameters, both.buffers) == (layer.parameters, layer.buffers)
    assert last is RELU


@pytest.mark.parametrize(
    "layer",
    [
        OwnNorm(2), OwnBlock({"norm": NORM}), Residual({}), Residual({"norm": OwnNorm(2)}),
        Residual({"norm": NORM, "act": SIGMOID}), Residual({}, {"norm": NORM}), CONVOLUTION,
    ],
)  # fmt: skip
def test_a_relu_behind_others_is_not(layer: Layer) -> None:
    assert joined({"layer": layer, "act": RELU}) == [layer, RELU]
    assert joined({"norm": NORM, "act": SIGMOID}) == [NORM, SIGMOID]
