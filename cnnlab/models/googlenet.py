"""GoogLeNet: filters of several sizes side by side, and few parameters."""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar, Literal

from cnnlab.chain import Chain
from cnnlab.errors import ConfigError
from cnnlab.hyper import Choice, EntryOf, Number
from cnnlab.layer import Layer, Shape
from cnnlab.layers.activate import Activate
from cnnlab.layers.auxiliary import Auxiliary
from cnnlab.layers.average_pool2d import AveragePool2d
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.branches import Branches
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.global_average_pool import GlobalAveragePool
from cnnlab.layers.linear import Linear
from cnnlab.layers.local_response_norm import LocalResponseNorm
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.model import NORM_STATISTICS, Model
from cnnlab.registry import register

# Maps of each block: 1×1; 1×1 before 3×3, 3×3; 1×1 before 5×5, 5×5; 1×1 after the pooling.
BLOCKS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
PADDED_SIDE, LARGE_SIDE = 32, 128
START = "he-normal"


@register
class Googlenet(Model):
    """A stem of three convolutions, nine inception blocks, the mean of each map and one linear layer.

    A block: 1×1, 1×1 then 3×3, 1×1 then 5×5, and a 3×3 pooling then 1×1, side by side. Poolings round up.
    6,998,552 parameters for 224×224, colour and 1,000 classes; `dropout` is before the linear layer.
    `auxiliary: yes` adds two classifiers, after 4a and 4d: 5×5 average pooling of stride 3, 1×1 of 128
    maps, linear 1024, `auxiliary_dropout`, linear. Their losses have weight `auxiliary_weight` in training;
    with them there are 13,378,280 parameters. Predictions do not use them, so multiply-adds stay the same.
    Images under 128×128 get a stem of one 3×3 convolution of 192 maps, poolings before 4a and 5a only, and
    batch normalization in place of biases: 5,871,914 parameters for colour and ten classes; images under
    32×32 get zeros around them. Predictions normalize with `norm_statistics`. This form has only the
    last classifier. The paper does not give the first weights: here they are N(0, 2/fan-in), which keeps the
    scale of activations over 22 layers, and biases are 0.
    In the notes: 4M parameters. The paper's table adds up to 6.8 million, its text, a twelfth of AlexNet's,
    to 5; the table's layers, as built here, have the number above.
    Source: C. Szegedy et al., "Going deeper with convolutions" (2014), table 1.
    """

    activation: ClassVar = EntryOf(kind="activations", default="relu")
    dropout: ClassVar = Number(default=0.4, low=0.0, high=1.0)
    auxiliary: ClassVar = Choice(default="no", options=("no", "yes"))
    auxiliary_weight: ClassVar = Number(default=0.3, low=0.0, high=10.0)
    auxiliary_dropout: ClassVar = Number(default=0.7, low=0.0, high=1.0)
    norm_statistics: ClassVar = NORM_STATISTICS

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; ConfigError at "model.auxiliary" for auxiliary classifiers on small images."""
        channels, *sides = shape
        act = Activate(config["activation"]["name"], "model.activation")
        small, aside = min(sides) < LARGE_SIDE, config["auxiliary"] == "yes"
        if small and aside:
            raise ConfigError(
                "model.auxiliary",
                f"must be no for images under {LARGE_SIDE}×{LARGE_SIDE}, whose net has no auxiliary "
                f"classifiers; got yes for {sides[0]}×{sides[1]}",
            )
        statistics = config["norm_statistics"] if small else None
        chain: dict[str, Layer]
        if small:
            height, width = (1 + max(0, PADDED_SIDE - side + 1) // 2 for side in sides)
            chain = {
                "conv1": Conv2d(channels, 192, 3, (height, width), bias=False, initializer=START),
                "norm1": BatchNorm(192, config["norm_statistics"]),
                "act1": act,
            }
        else:
            chain = {
                "conv1": Conv2d(channels, 64, 7, (3, 3), stride=2, initializer=START), "act1": act,
                "pool1": MaxPool2d(3, 2, ceil=True), "norm1": LocalResponseNorm(),
                "conv2": Conv2d(64, 64, 1, initializer=START), "act2": act,
                "conv3": Conv2d(64, 192, 3, (1, 1), initializer=START), "act3": act,
                "norm3": LocalResponseNorm(), "pool3": MaxPool2d(3, 2, ceil=True),
            }  # fmt: skip
        inputs = 192
        for name, maps in BLOCKS.items():
            if name in ("4a", "5a"):
                chain[f"pool{name}"] = MaxPool2d(3, 2, ceil=True)
            chain[f"block{name}"] = _block(inputs, maps, act, statistics)
            inputs = maps[0] + maps[2] + maps[4] + maps[5]
            if aside and name in ("4a", "4d"):
                at = Chain(chain).output(shape)
                chain[f"auxiliary{name}"] = Auxiliary(_head(at, classes, act), "model.auxiliary_weight")
        return chain | {
            "pool": GlobalAveragePool(),
            "drop": Dropout("model.dropout"),
            "linear": Linear(inputs, classes, initializer=START),
        }


def _head(shape: Shape, classes: int, act: Layer) -> dict[str, Layer]:
    """Return a classifier for maps of this shape."""
    chain: dict[str, Layer] = {
        "pool": AveragePool2d(5, 3), "conv": Conv2d(shape[0], 128, 1, initializer=START), "act1": act,
        "flatten": Flatten(),
    }  # fmt: skip
    return chain | {
        "linear1": Linear(prod(Chain(chain).output(shape)), 1024, initializer=START), "act2": act,
        "drop": Dropout("model.auxiliary_dropout"),
        "linear2": Linear(1024, classes, initializer=START),
    }  # fmt: skip


def _block(
    inputs: int, maps: tuple[int, ...], act: Layer, statistics: Literal["ema", "population"] | None
) -> Branches:
    """Return an inception block; without statistics its convolutions have biases and no normalization."""
    one, before3, three, before5, five, behind = maps

    def conv(n: int, inputs: int, outputs: int, kernel: int) -> dict[str, Layer]:
        pad, bias = kernel // 2, statistics is None
        layers: dict[str, Layer] = {
            f"conv{n}": Conv2d(inputs, outputs, kernel, (pad, pad), bias, initializer=START)
        }
        if statistics:
            layers[f"norm{n}"] = BatchNorm(outputs, statistics)
        return layers | {f"act{n}": act}

    return Branches(
        {
            "one": conv(1, inputs, one, 1),
            "three": conv(1, inputs, before3, 1) | conv(2, before3, three, 3),
            "five": conv(1, inputs, before5, 1) | conv(2, before5, five, 5),
            "pool": {"pool": MaxPool2d(3, 1, 1), **conv(1, inputs, behind, 1)},
        }
    )
