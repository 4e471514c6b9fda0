"""Wide residual networks: fewer and wider layers, normalized before they are convolved."""

from collections.abc import Mapping
from typing import Any, ClassVar

from cnnlab.errors import ConfigError
from cnnlab.hyper import EntryOf, Int
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.global_average_pool import GlobalAveragePool
from cnnlab.layers.linear import Linear
from cnnlab.layers.residual import Residual
from cnnlab.model import DROPOUT, NORM_STATISTICS, Model
from cnnlab.registry import register

PADDED_SIDE, MAPS = 32, 16


@register
class WideResnet(Model):
    """A 3×3 convolution and three stages of n blocks with 16k, 32k, 64k maps: WRN-d-k, d = 6n + 4.

    A block: y = x′ + conv 3×3(drop(f(norm(conv 3×3(f(norm(x))))))); the first of stages 2 and 3 has stride 2.
    x′ is x; where the shape changes, a 1×1 convolution of f(norm(x)). Then norm, activation, the mean of each
    map and a linear layer. `depth` is d, counted with the three 1×1 convolutions, `widen` is k, and `dropout`
    is between the two convolutions of a block. WRN-16-2, 40-2, 16-4, 16-8 and 28-10 have 691,674, 2,243,546,
    2,748,890, 10,961,370 and 36,479,194 parameters for colour and ten classes. With `widen: 1` the first
    stage has no 1×1 convolution. Images under 32×32 get zeros around them. First weights are N(0, 2/fan-in),
    also in the linear layer; predictions normalize with `norm_statistics`.
    Source: S. Zagoruyko and N. Komodakis, "Wide residual networks" (2016), table 1; blocks as K. He et al.,
    "Identity mappings in deep residual networks" (2016).
    """

    depth: ClassVar = Int(default=16, low=10, high=1000)
    widen: ClassVar = Int(default=2, low=1, high=64)
    dropout: ClassVar = DROPOUT
    norm_statistics: ClassVar = NORM_STATISTICS
    activation: ClassVar = EntryOf(kind="activations", default="relu")

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; ConfigError at "model.depth" unless it is 6n + 4."""
        blocks, rest = divmod(config["depth"] - 4, 6)
        if rest:
            near = f"{6 * blocks + 4} or {6 * blocks + 10}"
            raise ConfigError("model.depth", f"must be 6n + 4, such as {near}, got {config['depth']}")
        inputs, *sides = shape
        height, width = (1 + max(0, PADDED_SIDE - side + 1) // 2 for side in sides)
        chain: dict[str, Layer] = {"conv1": _convolution(inputs, MAPS, 3, padding=(height, width))}
        inputs = MAPS
        for stage, times in enumerate((1, 2, 4), 1):
            maps, stride = MAPS * times * config["widen"], 1 if stage == 1 else 2
            for block in range(1, blocks + 1):
                chain |= _block(config, f"stage{stage}.block{block}", inputs, maps, stride)
                inputs, stride = maps, 1
        return chain | {
            "norm": BatchNorm(inputs, config["norm_statistics"]),
            "act": _activation(config),
            "mean": GlobalAveragePool(),
            "linear": Linear(inputs, classes, initializer="he-normal"),
        }


def _block(config: Mapping[str, Any], name: str, inputs: int, maps: int, stride: int) -> dict[str, Layer]:
    """Return a block; where the shape changes, what both ways begin with stands before it."""
    statistics = config["norm_statistics"]
    first: dict[str, Layer] = {"norm1": BatchNorm(inputs, statistics), "act1": _activation(config)}
    body: dict[str, Layer] = {
        "conv1": _convolution(inputs, maps, 3, stride),
        "norm2": BatchNorm(maps, statistics),
        "act2": _activation(config),
        "drop": Dropout("model.dropout"),
        "conv2": _convolution(maps, maps, 3),
    }
    if inputs == maps:
        return {name: Residual(first | body)}
    before = {f"{name}.{layer}": own for layer, own in first.items()}
    return before | {name: Residual(body, {"conv": _convolution(inputs, maps, 1, stride)})}


def _activation(config: Mapping[str, Any]) -> Layer:
    return Activate(config["activation"]["name"], "model.activation")


def _convolution(
    inputs: int, maps: int, kernel: int, stride: int = 1, padding: tuple[int, int] | None = None
) -> Conv2d:
    around = padding or (kernel // 2, kernel // 2)
    return Conv2d(inputs, maps, kernel, around, False, stride, initializer="he-normal")
