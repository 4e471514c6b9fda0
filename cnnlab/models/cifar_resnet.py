"""Residual networks for small images, and the same nets without their shortcuts."""

from collections.abc import Mapping
from typing import Any, ClassVar

from cnnlab.errors import ConfigError
from cnnlab.hyper import Choice, EntryOf, Int
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.global_average_pool import GlobalAveragePool
from cnnlab.layers.linear import Linear
from cnnlab.layers.pad_maps import PadMaps
from cnnlab.layers.residual import Residual
from cnnlab.model import Model
from cnnlab.registry import register

FULL = 32


@register
class CifarResnet(Model):
    """A 3×3 convolution and three stages of n blocks with 16, 32, 64 maps: 6n + 2 layers with weights.

    A block: y = f(x′ + norm(conv 3×3(f(norm(conv 3×3(x)))))); the first of stages 2 and 3 has stride 2. Then
    the mean of each map and a linear layer. Depth 20, 32, 44, 56, 110, 1202 have 269,722, 464,154, 658,586,
    853,018, 1,727,962 and 19,421,274 parameters for colour and ten classes.
    x′ is x; where the shape changes, `shortcut: A` takes every second pixel and maps of zeros, behind the
    maps (`padding: end`) or half on either side (`half`, as the weights that are published); `B` a 1×1
    convolution with batch normalization, 2,752 parameters more. `residual: no` leaves x′ out: the plain net,
    which has as many parameters as A. Images under 32×32 get zeros around them.
    Source: K. He et al., "Deep residual learning for image recognition" (2015), section 4.2; the zeros half
    on either side: Y. Idelbayev, "Proper ResNet implementation for CIFAR10/CIFAR100 in PyTorch" (2018).
    """

    depth: ClassVar = Int(default=20, low=8, high=1202)
    residual: ClassVar = Choice(default="yes", options=("yes", "no"))
    shortcut: ClassVar = Choice(default="A", options=("A", "B"))
    padding: ClassVar = Choice(default="end", options=("end", "half"))
    activation: ClassVar = EntryOf(kind="activations", default="relu")

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; ConfigError at "model.depth" unless it is 6n + 2."""
        blocks, rest = divmod(config["depth"] - 2, 6)
        if rest:
            near = f"{6 * blocks + 2} or {6 * blocks + 8}"
            raise ConfigError("model.depth", f"must be 6n + 2, such as {near}, got {config['depth']}")
        channels, *sides = shape
        height, width = (1 + max(0, FULL - side + 1) // 2 for side in sides)
        act = Activate(config["activation"]["name"], "model.activation")
        chain: dict[str, Layer] = {
            "conv1": Conv2d(channels, 16, 3, (height, width), bias=False),
            "norm1": BatchNorm(16),
            "act1": act,
        }
        inputs = 16
        for stage, maps in enumerate((16, 32, 64), 1):
            for block in range(1, blocks + 1):
                name = f"stage{stage}.block{block}"
                stride = 2 if inputs != maps else 1
                body = _body(inputs, maps, stride, act)
                if config["residual"] == "yes":
                    chain[name] = Residual(body, _shortcut(config, inputs, maps, stride))
                else:
                    chain |= {f"{name}.{own}": layer for own, layer in body.items()}
                chain[f"{name}.act2"] = act
                inputs = maps
        return chain | {"pool": GlobalAveragePool(), "linear": Linear(inputs, classes)}


def _body(inputs: int, maps: int, stride: int, act: Layer) -> dict[str, Layer]:
    return {
        "conv1": Conv2d(inputs, maps, 3, (1, 1), bias=False, stride=stride),
        "norm1": BatchNorm(maps),
        "act1": act,
        "conv2": Conv2d(maps, maps, 3, (1, 1), bias=False),
        "norm2": BatchNorm(maps),
    }


def _shortcut(config: Mapping[str, Any], inputs: int, maps: int, stride: int) -> dict[str, Layer]:
    if inputs == maps:
        return {}
    if config["shortcut"] == "B":
        return {"conv": Conv2d(inputs, maps, 1, bias=False, stride=stride), "norm": BatchNorm(maps)}
    more = maps - inputs
    before = more // 2 if config["padding"] == "half" else 0
    return {"pad": PadMaps(before, more - before, stride)}
