"""Maxout network: a multilayer perceptron whose units learn their activation."""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

from cnnlab.hyper import Int, Widths
from cnnlab.layer import Layer
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.layers.maxout import Maxout as MaxoutLayer
from cnnlab.model import DROPOUT, DROPOUT_SCALE, INITIALIZER, NORM, NORM_STATISTICS, Model
from cnnlab.registry import register


@register
class Maxout(Model):
    """A chain of maxout layers of the widths in `hidden`, each unit the largest of `pieces` sums.

    a_i ← max_j (W_ij a + b_ij), j = 1 … pieces, for each hidden layer, scores = W a + b: 1,233,610 parameters
    for 28×28 grey and ten classes. `input_dropout` is on the pixels, `dropout` on the hidden units: both on
    inputs of weights, never on the pieces. `norm: batch` is on the pieces, and predictions
    normalize with `norm_statistics`; `initializer` makes the first weights of every layer. The authors
    trained with dropout 0.5, 0.2 on the pixels, and with max-norm.
    Source: I. Goodfellow et al., "Maxout networks" (2013), section 4.1.
    """

    hidden: ClassVar = Widths(default=(240, 240), most=16)
    pieces: ClassVar = Int(default=5, low=1, high=64)
    input_dropout: ClassVar = DROPOUT
    dropout: ClassVar = DROPOUT
    dropout_scale: ClassVar = DROPOUT_SCALE
    norm: ClassVar = NORM
    norm_statistics: ClassVar = NORM_STATISTICS
    initializer: ClassVar = INITIALIZER

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; images of any size fit."""
        chain: dict[str, Layer] = {
            "flatten": Flatten(),
            "drop0": Dropout("model.input_dropout", config["dropout_scale"]),
        }
        width, pieces, start = prod(shape), config["pieces"], config["initializer"]["name"]
        bias = config["norm"] == "none"  # batch normalization takes the mean, and any bias with it
        for i, units in enumerate(config["hidden"], 1):
            chain[f"linear{i}"] = Linear(width, units * pieces, bias, initializer=start)
            if not bias:
                chain[f"norm{i}"] = BatchNorm(units * pieces, config["norm_statistics"])
            chain[f"max{i}"] = MaxoutLayer(pieces)
            chain[f"drop{i}"] = Dropout("model.dropout", config["dropout_scale"])
            width = units
        chain[f"linear{len(config['hidden']) + 1}"] = Linear(width, classes, initializer=start)
        return chain
