"""VGG: only small filters, in many layers."""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

from cnnlab.hyper import Choice, EntryOf, Number
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.batch_norm import BatchNorm
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.model import NORM_STATISTICS, Model
from cnnlab.registry import register

# The convolutions of each of five blocks: their filters' sides.
BLOCKS = {
    "A": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "B": ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)),
    "C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)),
    "D": ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "E": ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
}
MAPS = (64, 128, 256, 512, 512)
PADDED_SIDE = 32


@register
class Vgg(Model):
    """Five blocks of 3×3 convolutions, each followed by a 2×2 pooling, then linear layers.

    Configurations A, B, C, D, E have 11, 13, 16, 16 and 19 layers with weights; those of 1×1 are C's. For
    224×224, colour and 1,000 classes: 132,863,336, 133,047,848, 133,638,952, 138,357,544 and 143,667,240
    parameters; `norm: batch` after convolutions, whose biases stay, adds two per map. `head: full` is 4096,
    4096, classes, with `dropout` on the first two; `head: linear` is only classes: 9,231,114 parameters for
    A with norm on 32×32. Images under 32×32 get zeros around them. Predictions normalize with
    `norm_statistics`.
    First weights are N(0, 0.01²), biases 0. The paper prints 10⁻² as the variance, with which the scores of
    an untrained net are far too large. With batch normalization the scale hardly matters; without it, little
    is left of an image after so many layers, and the authors started the deeper nets from a trained A, or
    later with `initializer: glorot-uniform`.
    In the notes: only 3×3 convolutions and 2×2 poolings. The paper's configuration C has three 1×1
    convolutions; it is built too.
    Source: K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image
    recognition" (2014), table 1; batch normalization as torchvision.
    """

    configuration: ClassVar = Choice(default="A", options=tuple(BLOCKS))
    head: ClassVar = Choice(default="linear", options=("linear", "full"))
    norm: ClassVar = Choice(default="batch", options=("none", "batch"))
    activation: ClassVar = EntryOf(kind="activations", default="relu")
    dropout: ClassVar = Number(default=0.5, low=0.0, high=1.0)
    norm_statistics: ClassVar = NORM_STATISTICS
    initializer: ClassVar = EntryOf(kind="initializers", default="small-normal")

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain."""
        inputs, *sides = shape
        height, width = (max(0, PADDED_SIDE - side + 1) // 2 for side in sides)
        act = Activate(config["activation"]["name"], "model.activation")
        start = config["initializer"]["name"]
        chain: dict[str, Layer] = {}
        at: tuple[int, ...] = shape
        for block, (filters, maps) in enumerate(zip(BLOCKS[config["configuration"]], MAPS, strict=True), 1):
            for i, side in enumerate(filters, 1):
                pad = side // 2
                frame = (pad + height, pad + width) if not chain else (pad, pad)
                chain[f"conv{block}.{i}"] = Conv2d(inputs, maps, side, frame, initializer=start)
                if config["norm"] == "batch":
                    chain[f"norm{block}.{i}"] = BatchNorm(maps, config["norm_statistics"])
                chain[f"act{block}.{i}"] = act
                inputs = maps
            chain[f"pool{block}"] = MaxPool2d(2)
        for layer in chain.values():
            at = layer.output(at)
        units = prod(at)
        chain["flatten"] = Flatten()
        if config["head"] == "full":
            for i in (6, 7):
                chain[f"linear{i}"] = Linear(units, 4096, initializer=start)
                chain |= {f"act{i}": act, f"drop{i}": Dropout("model.dropout")}
                units = 4096
        return chain | {"linear8": Linear(units, classes, initializer=start)}
