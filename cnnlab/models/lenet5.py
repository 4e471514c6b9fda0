"""LeNet-5 as it is trained today: the smallest convolutional network that is taken seriously."""

from collections.abc import Mapping
from typing import Any, ClassVar

from cnnlab.errors import ConfigError
from cnnlab.hyper import Choice, EntryOf, Number
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.model import Model
from cnnlab.registry import register

LEAST, FULL = 28, 32


@register
class Lenet5(Model):
    """Two convolutions with pooling, then three linear layers: 6, 16 maps, 120, 84 units.

    conv 5×5 → 6 maps, pool 2, conv 5×5 → 16 maps, pool 2, linear 120, 84, classes: 61,706 parameters for
    28×28 grey and ten classes, 416,520 multiply-adds. Images under 32×32 get two rows of zeros on each
    side, as LeCun's did. Differs from 1998 in that every map of the second convolution sees all six, in max
    pooling, in softmax on top and in ReLU. Pooling stands before the activation: all activations
    here rise, so the result is the same and there is a quarter to compute.
    `dropout` is on the outputs of linear layers but the last, `norm: batch` on all layers but the last.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), section II.
    """

    activation: ClassVar = EntryOf(kind="activations", default="relu")
    dropout: ClassVar = Number(default=0.0, low=0.0, high=1.0)
    norm: ClassVar = Choice(default="none", options=("none", "batch"))

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; ConfigError for images under 28×28."""
        channels, height, width = shape
        if min(height, width) < LEAST:
            raise ConfigError(
                "model", f"lenet5 needs images of at least {LEAST}×{LEAST}, got {height}×{width}"
            )
        padding = (2 if height < FULL else 0, 2 if width < FULL else 0)
        bias = config["norm"] == "none"  # batch normalization takes the mean, and any bias with it
        convolution1 = Conv2d(channels, 6, 5, padding, bias)
        convolution2 = Conv2d(6, 16, 5, bias=bias)
        pool = MaxPool2d(2)
        features = Flatten().output(
            pool.output(convolution2.output(pool.output(convolution1.output(shape))))
        )[0]
        act = Activate(config["activation"]["name"], "model.activation")
        drop = Dropout("model.dropout")
        chain: list[tuple[str, Layer]] = [
            ("conv1", convolution1), ("norm1", BatchNorm(6)), ("pool1", pool), ("act1", act),
            ("conv2", convolution2), ("norm2", BatchNorm(16)), ("pool2", pool), ("act2", act),
            ("flatten", Flatten()),
            ("linear3", Linear(features, 120, bias)), ("norm3", BatchNorm(120)), ("act3", act),
            ("drop3", drop),
            ("linear4", Linear(120, 84, bias)), ("norm4", BatchNorm(84)), ("act4", act), ("drop4", drop),
            ("linear5", Linear(84, classes)),
        ]  # fmt: skip
        return {name: layer for name, layer in chain if not (bias and isinstance(layer, BatchNorm))}
