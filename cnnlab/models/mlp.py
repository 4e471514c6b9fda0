"""Multilayer perceptron: the baseline for convolutional networks."""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

from cnnlab.errors import ConfigError
from cnnlab.hyper import EntryOf, Int, Widths
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.model import DROPOUT, DROPOUT_SCALE, INITIALIZER, NORM, NORM_STATISTICS, Model
from cnnlab.registry import register

MAX_DEPTH = 16


@register
class Mlp(Model):
    """A chain of linear layers with the widths in `hidden`; without a hidden layer, softmax regression.

    a ← f(W a + b) for each hidden layer, scores = W a + b. `depth` is how many hidden layers there are: 0 as
    many as `hidden` lists; more than it lists have the last one's width, so `hidden: 64, depth: 3` is 64, 64,
    64. Without norm W and b are Σ (w_i + 1) w_{i+1} parameters, over neighbouring widths.
    `input_dropout` is on the pixels, `dropout` on the hidden units, `dropout_scale` divides by 1 − p in
    training or multiplies by it in predictions; `norm: batch` is before each activation, and
    predictions normalize with `norm_statistics`. `initializer` makes the first weights of every layer.
    Source: D. Rumelhart, G. Hinton and R. Williams, "Learning representations by back-propagating
    errors" (1986); dropout as N. Srivastava et al. (2014).
    """

    hidden: ClassVar = Widths(default=(128, 64), most=MAX_DEPTH)
    depth: ClassVar = Int(default=0, low=0, high=MAX_DEPTH)
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
        """Return the chain; images of any size fit. ConfigError at "model.depth" if `hidden` lists more."""
        chain: dict[str, Layer] = {
            "flatten": Flatten(),
            "drop0": Dropout("model.input_dropout", config["dropout_scale"]),
        }
        width, start = prod(shape), config["initializer"]["name"]
        bias = config["norm"] == "none"  # batch normalization takes the mean, and any bias with it
        widths = _hidden(config["hidden"], config["depth"])
        for i, units in enumerate(widths, 1):
            chain[f"linear{i}"] = Linear(width, units, bias, initializer=start)
            if not bias:
                chain[f"norm{i}"] = BatchNorm(units, config["norm_statistics"])
            chain[f"act{i}"] = Activate(config["activation"]["name"], "model.activation")
            chain[f"drop{i}"] = Dropout("model.dropout", config["dropout_scale"])
            width = units
        chain[f"linear{len(widths) + 1}"] = Linear(width, classes, initializer=start)
        return chain


def _hidden(listed: list[int], depth: int) -> list[int]:
    """Return the width of each hidden layer."""
    if not depth or depth == len(listed):
        return listed
    if not listed:
        raise ConfigError("model.depth", f"must be 0 where model.hidden has no layer, got {depth}")
    if depth < len(listed):
        known = f"must be 0 or at least {len(listed)}, the widths that model.hidden lists"
        raise ConfigError("model.depth", f"{known}, got {depth}")
    return [*listed, *listed[-1:] * (depth - len(listed))]
