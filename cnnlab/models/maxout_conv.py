"""Maxout network for images: convolutions whose units learn their activation."""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

from cnnlab.chain import Chain
from cnnlab.hyper import Int, Widths
from cnnlab.layer import Layer
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.layers.maxout import Maxout
from cnnlab.model import DROPOUT, DROPOUT_SCALE, INITIALIZER, NORM, NORM_STATISTICS, Model
from cnnlab.registry import register

PADDED_SIDE = 32
STAGES = ((8, 4, 4), (8, 3, 4), (5, 3, 2))  # filter, zeros around, window of the pooling, all strides 2


@register
class MaxoutConv(Model):
    """Up to three maxout convolutions with pooling, then maxout layers and a linear one.

    a ← pool(max_j (W_j ⋆ a + b_j)), j = 1 … pieces, with 8×8, 8×8 and 5×5 filters, numbers of maps
    from `maps`, and poolings of 4×4, 4×4 and 2×2, each of stride 2; then `hidden` units of `hidden_pieces`
    sums each, scores = W a + b. Images under 32×32 get zeros around them. 823,306 parameters for grey and ten
    classes. `input_dropout` is on the pixels, `dropout` on all other inputs of weights, never on the pieces,
    scaled according to `dropout_scale`. `norm: batch` is on the pieces, and predictions normalize with
    `norm_statistics`; `initializer` makes the first weights of every layer.
    The paper gives no sizes. Filters, poolings and the net for CIFAR-10, 96, 192, 192 maps of two pieces and
    500 units of five, are from the authors' published experiments; the default is smaller. They
    trained with dropout 0.5, 0.2 on the pixels, and with max-norm.
    Source: I. Goodfellow et al., "Maxout networks" (2013), sections 4.2 and 4.3.
    """

    maps: ClassVar = Widths(default=(48, 48, 24), most=len(STAGES))
    pieces: ClassVar = Int(default=2, low=1, high=64)
    hidden: ClassVar = Widths(default=(240,), most=16)
    hidden_pieces: ClassVar = Int(default=5, low=1, high=64)
    input_dropout: ClassVar = DROPOUT
    dropout: ClassVar = DROPOUT
    dropout_scale: ClassVar = DROPOUT_SCALE
    norm: ClassVar = NORM
    norm_statistics: ClassVar = NORM_STATISTICS
    initializer: ClassVar = INITIALIZER

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain."""
        inputs, *sides = shape
        frame = [max(0, PADDED_SIDE - side + 1) // 2 for side in sides]
        start, scale = config["initializer"]["name"], config["dropout_scale"]
        bias = config["norm"] == "none"  # batch normalization takes the mean, and any bias with it
        chain: dict[str, Layer] = {"drop0": Dropout("model.input_dropout", scale)}
        for i, (maps, (kernel, pad, window)) in enumerate(zip(config["maps"], STAGES, strict=False), 1):
            sums, (height, width) = maps * config["pieces"], (pad + more for more in frame)
            chain[f"conv{i}"] = Conv2d(inputs, sums, kernel, (height, width), bias, initializer=start)
            if not bias:
                chain[f"norm{i}"] = BatchNorm(sums, config["norm_statistics"])
            chain |= {f"max{i}": Maxout(config["pieces"]), f"pool{i}": MaxPool2d(window, 2)}
            chain[f"drop{i}"] = Dropout("model.dropout", scale)
            inputs, frame = maps, [0, 0]
        features = prod(Chain(chain).output(shape))
        chain["flatten"] = Flatten()
        for i, units in enumerate(config["hidden"], len(config["maps"]) + 1):
            sums = units * config["hidden_pieces"]
            chain[f"linear{i}"] = Linear(features, sums, bias, initializer=start)
            if not bias:
                chain[f"norm{i}"] = BatchNorm(sums, config["norm_statistics"])
            chain |= {f"max{i}": Maxout(config["hidden_pieces"]), f"drop{i}": Dropout("model.dropout", scale)}
            features = units
        return chain | {"linear": Linear(features, classes, initializer=start)}
