"""LeNet-5 as it is trained today: the smallest convolutional network in common use."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from cnnlab.errors import ConfigError
from cnnlab.hyper import Choice, EntryOf
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.average_pool2d import AveragePool2d
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.layers.min_pool2d import MinPool2d
from cnnlab.layers.sum_pool2d import SumPool2d
from cnnlab.model import DROPOUT, DROPOUT_SCALE, INITIALIZER, NORM, NORM_STATISTICS, Model
from cnnlab.registry import register

MIN_SIDE, PADDED_SIDE = 28, 32
POOLS: Mapping[str, Callable[[int], Layer]] = {
    "max": MaxPool2d,
    "min": MinPool2d,
    "average": AveragePool2d,
    "sum": SumPool2d,
}


@register
class Lenet5(Model):
    """Two convolutions with pooling, then three linear layers: 6, 16 maps, 120, 84 units.

    conv 5×5 → 6 maps, pool 2, conv 5×5 → 16 maps, pool 2, linear 120, 84, classes: 61,706 parameters for
    28×28 grey and ten classes, 416,520 multiply-adds. Images under 32×32 get two rows of zeros on each
    side, as LeCun's did. Differs from 1998: every map of the second convolution sees all six, and there is
    max pooling, softmax and ReLU. Max and min pooling come before an activation that is monotone, for the
    same result at a quarter of the work; after any other, as average and sum pooling always do. `flip:
    yes` is convolution proper, with filters turned by 180°. `input_dropout` is on the pixels, `dropout` on
    the outputs of all linear layers but the last; `dropout_scale` divides by 1 − p in training or multiplies
    by it in predictions. `norm: batch` is on all layers but the last, and predictions normalize with
    `norm_statistics`; `initializer` makes the first weights of every layer.
    In the notes: the first successful application of convolutional networks. The same authors' nets of 1989
    and 1990, since called LeNet-1, read zip codes before.
    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition" (1998), section II.
    """

    activation: ClassVar = EntryOf(kind="activations", default="relu")
    pooling: ClassVar = Choice(default="max", options=tuple(POOLS))
    flip: ClassVar = Choice(default="no", options=("no", "yes"))
    input_dropout: ClassVar = DROPOUT
    dropout: ClassVar = DROPOUT
    dropout_scale: ClassVar = DROPOUT_SCALE
    norm: ClassVar = NORM
    norm_statistics: ClassVar = NORM_STATISTICS
    initializer: ClassVar = INITIALIZER

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; ConfigError for images under 28×28."""
        channels, height, width = shape
        if min(height, width) < MIN_SIDE:
            raise ConfigError(
                "model", f"lenet5 needs images of at least {MIN_SIDE}×{MIN_SIDE}, got {height}×{width}"
            )
        padding = (2 if height < PADDED_SIDE else 0, 2 if width < PADDED_SIDE else 0)
        bias = config["norm"] == "none"  # batch normalization takes the mean, and any bias with it
        start, flip = config["initializer"]["name"], config["flip"] == "yes"
        convolution1 = Conv2d(channels, 6, 5, padding, bias, flip=flip, initializer=start)
        convolution2 = Conv2d(6, 16, 5, bias=bias, flip=flip, initializer=start)
        pool = POOLS[config["pooling"]](2)
        features = Flatten().output(
            pool.output(convolution2.output(pool.output(convolution1.output(shape))))
        )[0]
        act = Activate(config["activation"]["name"], "model.activation")
        drop = Dropout("model.dropout", config["dropout_scale"])
        linear3 = Linear(features, 120, bias, initializer=start)
        linear4 = Linear(120, 84, bias, initializer=start)

        def norm(features: int) -> BatchNorm:
            return BatchNorm(features, config["norm_statistics"])

        def pooled(i: int) -> list[tuple[str, Layer]]:
            layers: list[tuple[str, Layer]] = [(f"pool{i}", pool), (f"act{i}", act)]
            first = config["pooling"] in ("max", "min") and act.activation.monotone
            return layers if first else layers[::-1]

        chain: list[tuple[str, Layer]] = [
            ("drop0", Dropout("model.input_dropout", config["dropout_scale"])),
            ("conv1", convolution1), ("norm1", norm(6)), *pooled(1),
            ("conv2", convolution2), ("norm2", norm(16)), *pooled(2),
            ("flatten", Flatten()),
            ("linear3", linear3), ("norm3", norm(120)), ("act3", act), ("drop3", drop),
            ("linear4", linear4), ("norm4", norm(84)), ("act4", act), ("drop4", drop),
            ("linear5", Linear(84, classes, initializer=start)),
        ]  # fmt: skip
        return {name: layer for name, layer in chain if not (bias and isinstance(layer, BatchNorm))}
