"""Residual networks for large images, and the same nets without their shortcuts."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from cnnlab.hyper import Choice, EntryOf
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.global_average_pool import GlobalAveragePool
from cnnlab.layers.linear import Linear
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.model import NORM_STATISTICS, Model
from cnnlab.registry import register
from cnnlab.residual_stage import Stages

BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
PADDED_SIDE = 32


@register
class Resnet(Model):
    """A 7×7 convolution, a pooling and four stages of blocks with 64, 128, 256, 512 maps.

    A block: y = f(x′ + body(x)); the body has two 3×3 convolutions in nets of 18 and 34 layers; in deeper
    ones 1×1, 3×3 and 1×1, the last with four times as many maps. Batch normalization follows each
    convolution; stages 2 to 4 begin with stride 2, on the first 1×1 as in the paper (`stride_on: 3x3`, as in
    torchvision). Option B: 11,689,512, 21,797,672, 25,557,032, 44,549,160 and 60,192,808 parameters
    for colour and 1,000 classes; option A, with zeros after the maps, has 11,515,688 and 21,623,848 for
    18 and 34, and so has `residual: no`, the plain net. First weights are N(0, 2/fan-in), also in the
    linear layer; predictions normalize with `norm_statistics`.
    In the notes: when deeper networks start to converge, accuracy saturates and then degrades. In the paper
    this happens as the depth of plain nets grows, not as training goes on, and the error on the training
    images grows too, so it is not overfitting. The plain nets are built to show it.
    Source: K. He et al., "Deep residual learning for image recognition" (2015), table 1.
    """

    depth: ClassVar = Choice(default=18, options=tuple(BLOCKS))
    residual: ClassVar = Choice(default="yes", options=("yes", "no"))
    shortcut: ClassVar = Choice(default="B", options=("A", "B"))
    stride_on: ClassVar = Choice(default="1x1", options=("1x1", "3x3"))
    norm_statistics: ClassVar = NORM_STATISTICS
    activation: ClassVar = EntryOf(kind="activations", default="relu")

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; images under 32×32 get zeros around them."""
        channels, *sides = shape
        height, width = (max(0, PADDED_SIDE - side + 1) // 2 for side in sides)
        make = Stages(
            Activate(config["activation"]["name"], "model.activation"),
            config["norm_statistics"],
            config["residual"] == "yes",
            config["shortcut"],
        )
        deep = config["depth"] >= 50
        chain = make.convolution("1", channels, 64, 7, 2, (height, width))
        chain |= {"act1": make.act, "pool1": MaxPool2d(3, 2, 1)}
        inputs = 64
        for stage, blocks in enumerate(BLOCKS[config["depth"]], 1):
            maps = 32 * 2**stage
            body = (
                partial(_bottleneck, make, maps, config["stride_on"]) if deep else partial(make.basic, maps)
            )
            outputs = 4 * maps if deep else maps
            chain |= make.stage(f"stage{stage}", blocks, inputs, outputs, 1 if stage == 1 else 2, body)
            inputs = outputs
        return chain | {
            "pool": GlobalAveragePool(),
            "linear": Linear(inputs, classes, initializer="he-normal"),
        }


def _bottleneck(make: Stages, maps: int, where: str, inputs: int, stride: int) -> dict[str, Layer]:
    first, second = (stride, 1) if where == "1x1" else (1, stride)
    return {
        **make.convolution("1", inputs, maps, 1, first), "act1": make.act,
        **make.convolution("2", maps, maps, 3, second), "act2": make.act,
        **make.convolution("3", maps, 4 * maps, 1),
    }  # fmt: skip
