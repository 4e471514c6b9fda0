"""Multilayer perceptron: the baseline for convolutional networks."""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

from cnnlab.hyper import EntryOf, Widths
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.model import DROPOUT, DROPOUT_SCALE, INITIALIZER, NORM, NORM_STATISTICS, Model
from cnnlab.registry import register


@register
class Mlp(Model):
    """A chain of linear layers with the widths in `hidden`; without a hidden layer, softmax regression.

    a ← f(W a + b) for each hidden layer, scores = W a + b.
    `input_dropout` is on the pixels, `dropout` on the hidden units, `dropout_scale` divides by 1 − p in
    training or multiplies by it in predictions; `norm: batch` is before each activation, and
    predictions normalize with `norm_statistics`. `initializer` makes the first weights of every layer.
    Source: D. Rumelhart, G. Hinton and R. Williams, "Learning representations by back-propagating
    errors" (1986); dropout as N. Srivastava et al. (2014).
    """

    hidden: ClassVar = Widths(default=(128, 64), most=16)
    activation: ClassVar = EntryOf(kind="activations", default="relu")
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
        width, start = prod(shape), config["initializer"]["name"]
        bias = config["norm"] == "none"  # batch normalization takes the mean, and any bias with it
        for i, units in enumerate(config["hidden"], 1):
            chain[f"linear{i}"] = Linear(width, units, bias, initializer=start)
            if not bias:
                chain[f"norm{i}"] = BatchNorm(units, config["norm_statistics"])
            chain[f"act{i}"] = Activate(config["activation"]["name"], "model.activation")
            chain[f"drop{i}"] = Dropout("model.dropout", config["dropout_scale"])
            width = units
        chain[f"linear{len(config['hidden']) + 1}"] = Linear(width, classes, initializer=start)
        return chain
