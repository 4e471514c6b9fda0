"""Residual networks for large images, and the same nets without their shortcuts."""

from collections.abc import Mapping
from typing import Any, ClassVar

from cnnlab.hyper import Choice, EntryOf
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.global_average_pool import GlobalAveragePool
from cnnlab.layers.linear import Linear
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.layers.pad_maps import PadMaps
from cnnlab.layers.residual import Residual
from cnnlab.model import Model
from cnnlab.registry import register

BLOCKS = {
    "18": (2, 2, 2, 2),
    "34": (3, 4, 6, 3),
    "50": (3, 4, 6, 3),
    "101": (3, 4, 23, 3),
    "152": (3, 8, 36, 3),
}
LEAST = 32


@register
class Resnet(Model):
    """A 7×7 convolution, a pooling and four stages of blocks with 64, 128, 256, 512 maps.

    A block: y = f(x′ + body(x)); the body has two 3×3 convolutions in nets of 18 and 34 layers; in deeper
    ones 1×1, 3×3 and 1×1, the last with four times as many maps. Batch normalization is behind each
    convolution; stages 2 to 4 begin with stride 2, on the first 1×1 as in the paper (`stride_on: 3x3` as
    torchvision has it). Option B: 11,689,512, 21,797,672, 25,557,032, 44,549,160 and 60,192,808 parameters
    for colour and 1,000 classes; option A, whose zeros stand behind the maps, 11,515,688 and 21,623,848 for
    18 and 34, and `residual: no`, the plain net, as many.
    Source: K. He et al., "Deep residual learning for image recognition" (2015), table 1.
    """

    depth: ClassVar = Choice(default="18", options=tuple(BLOCKS))
    residual: ClassVar = Choice(default="yes", options=("yes", "no"))
    shortcut: ClassVar = Choice(default="B", options=("A", "B"))
    stride_on: ClassVar = Choice(default="1x1", options=("1x1", "3x3"))
    activation: ClassVar = EntryOf(kind="activations", default="relu")

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; images under 32×32 get zeros around them."""
        channels, *sides = shape
        height, width = (3 + max(0, LEAST - side + 1) // 2 for side in sides)
        act = Activate(config["activation"]["name"], "model.activation")
        wider = 4 if int(config["depth"]) >= 50 else 1
        chain: dict[str, Layer] = {
            "conv1": Conv2d(channels, 64, 7, (height, width), bias=False, stride=2),
            "norm1": BatchNorm(64),
            "act1": act,
            "pool1": MaxPool2d(3, 2, 1),
        }
        inputs = 64
        for stage, blocks in enumerate(BLOCKS[config["depth"]], 1):
            maps = 32 * 2**stage
            for block in range(1, blocks + 1):
                name, stride = f"stage{stage}.block{block}", 2 if stage > 1 and block == 1 else 1
                body = (
                    _basic(inputs, maps, stride, act)
                    if wider == 1
                    else _bottleneck(inputs, maps, stride, act, config["stride_on"])
                )
                if config["residual"] == "yes":
                    chain[name] = Residual(body, _shortcut(config, inputs, wider * maps, stride))
                else:
                    chain |= {f"{name}.{own}": layer for own, layer in body.items()}
                chain[f"{name}.act"] = act
                inputs = wider * maps
        return chain | {"pool": GlobalAveragePool(), "linear": Linear(inputs, classes)}


def _basic(inputs: int, maps: int, stride: int, act: Layer) -> dict[str, Layer]:
    return {
        "conv1": Conv2d(inputs, maps, 3, (1, 1), bias=False, stride=stride),
        "norm1": BatchNorm(maps),
        "act1": act,
        "conv2": Conv2d(maps, maps, 3, (1, 1), bias=False),
        "norm2": BatchNorm(maps),
    }


def _bottleneck(inputs: int, maps: int, stride: int, act: Layer, where: str) -> dict[str, Layer]:
    first, second = (stride, 1) if where == "1x1" else (1, stride)
    return {
        "conv1": Conv2d(inputs, maps, 1, bias=False, stride=first),
        "norm1": BatchNorm(maps),
        "act1": act,
        "conv2": Conv2d(maps, maps, 3, (1, 1), bias=False, stride=second),
        "norm2": BatchNorm(maps),
        "act2": act,
        "conv3": Conv2d(maps, 4 * maps, 1, bias=False),
        "norm3": BatchNorm(4 * maps),
    }


def _shortcut(config: Mapping[str, Any], inputs: int, maps: int, stride: int) -> dict[str, Layer]:
    if inputs == maps:
        return {}
    if config["shortcut"] == "B":
        return {"conv": Conv2d(inputs, maps, 1, bias=False, stride=stride), "norm": BatchNorm(maps)}
    return {"pad": PadMaps(0, maps - inputs, stride)}
