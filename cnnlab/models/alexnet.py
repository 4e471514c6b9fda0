"""AlexNet: the network that brought deep learning to images."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any, ClassVar

from cnnlab.hyper import Choice, EntryOf, Number
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.connected_conv2d import ConnectedConv2d
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.layers.local_response_norm import LocalResponseNorm
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.model import Model
from cnnlab.registry import register

PADDED_SIDE, LARGE_SIDE, PAPER_SIDE = 32, 128, 224


@register
class Alexnet(Model):
    """Five convolutions, three 3×3 poolings of stride 2, three linear layers.

    Convolutions 11×11 of stride 4, 5×5 and three 3×3, of 96, 256, 384, 384, 256 maps, local response
    normalization behind the first two activations, then 4096, 4096, classes with `dropout`: 62,378,344
    parameters for 227×227, colour and 1,000 classes; with `groups: two`, the second, fourth and fifth
    convolution in halves that do not see each other, as on two GPUs, 60,965,224. The paper's images are
    224×224, but its arithmetic needs 227: they get two rows of zeros on each side.
    Images under 128×128 get a smaller net: 5×5 of 64 and 192 maps, 3×3 of 384, 256, 256, stride 1, then
    1024, 1024, classes: 5,871,434 parameters for colour and ten classes; groups do not apply, and images
    under 32×32 get zeros around them. First weights are N(0, 0.01²) unless `initializer` says otherwise;
    biases are 1 in convolutions 2, 4 and 5 and in the hidden linear layers, so that ReLUs are active
    at first, and 0 elsewhere. Learning starts slowly; with `he-normal` it starts at once.
    In the notes: the paper's figure, of the net in halves on two GPUs (`groups: two`), with an input of
    224×224, which does not divide evenly; 227×227 does, and so does 224×224 with the zeros added here.
    Source: A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional neural
    networks" (2012).
    """

    groups: ClassVar = Choice(default="one", options=("one", "two"))
    activation: ClassVar = EntryOf(kind="activations", default="relu")
    dropout: ClassVar = Number(default=0.5, low=0.0, high=1.0)
    initializer: ClassVar = EntryOf(kind="initializers", default="small-normal")

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain."""
        channels, *sides = shape
        act = Activate(config["activation"]["name"], "model.activation")
        start = config["initializer"]["name"]
        if min(sides) < LARGE_SIDE:
            frame = tuple(2 + max(0, PADDED_SIDE - side + 1) // 2 for side in sides)
            first, maps, units = (5, frame, 1), (64, 192, 384, 256, 256), 1024
        else:
            frame = tuple(2 if side == PAPER_SIDE else 0 for side in sides)
            first, maps, units = (11, frame, 4), (96, 256, 384, 384, 256), 4096
        halves = config["groups"] == "two" and min(sides) >= LARGE_SIDE
        kernel, (height, width), stride = first
        chain: dict[str, Layer] = {
            "conv1": Conv2d(channels, maps[0], kernel, (height, width), stride=stride, initializer=start)
        }
        for i in range(1, 6):
            if i > 1:
                inputs, outputs, side = maps[i - 2], maps[i - 1], 5 if i == 2 else 3
                make: Callable[..., Layer] = Conv2d
                if halves and i != 3:
                    make = partial(ConnectedConv2d, table=_halves(inputs, outputs))
                chain[f"conv{i}"] = make(
                    inputs, outputs, side, (side // 2, side // 2),
                    initializer=start, bias_initializer=None if i == 3 else "ones",
                )  # fmt: skip
            chain[f"act{i}"] = act
            if i <= 2:
                chain[f"norm{i}"] = LocalResponseNorm()
            if i in (1, 2, 5):
                chain[f"pool{i}"] = MaxPool2d(3, 2)
        at: tuple[int, ...] = shape
        for layer in chain.values():
            at = layer.output(at)
        chain["flatten"], inputs = Flatten(), prod(at)
        for i in (6, 7):
            chain |= {
                f"linear{i}": Linear(inputs, units, initializer=start, bias_initializer="ones"),
                f"act{i}": act,
                f"drop{i}": Dropout("model.dropout"),
            }
            inputs = units
        return chain | {"linear8": Linear(inputs, classes, initializer=start)}


def _halves(inputs: int, outputs: int) -> Sequence[Sequence[int]]:
    """Return which maps each output map sees: those of its own half."""
    return [
        range(half * inputs // 2, (half + 1) * inputs // 2) for half in (0, 1) for _ in range(outputs // 2)
    ]
