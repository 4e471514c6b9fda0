"""Time-delay network: a convolutional network for series, older than LeNet."""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

from cnnlab.errors import ConfigError
from cnnlab.hyper import Choice, EntryOf, Int, Widths
from cnnlab.layer import Layer, Shape
from cnnlab.layers.activate import Activate
from cnnlab.layers.average_pool1d import AveragePool1d
from cnnlab.layers.conv1d import Conv1d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.layers.max_pool1d import MaxPool1d
from cnnlab.layers.series import Series
from cnnlab.layers.subsample1d import Subsample1d
from cnnlab.model import DROPOUT, Model
from cnnlab.registry import register

WINDOW = 2


@register
class Tdnn(Model):
    """Convolutions over time of the widths in `maps`, each with pooling of two steps, and a linear layer.

    conv `kernel` → maps, pool 2 for each width, then linear: 3,494 parameters and 44,864 multiply-adds for a
    series of 128 steps and six classes (`waveforms`). Without any width it is softmax regression.
    A shape learnt at one time is recognized at any other; the linear layer also uses the time, because rising
    and falling signals consist of the same shapes. Max pooling comes before an activation that is
    monotone, for the same result at half the work; after any other, as do average pooling and `subsample`,
    which has trained coefficients and biases, because the mean of an oscillation around 0 is 0. `dropout` is
    on the inputs of the linear layer. Images are one pixel high: columns are steps, channels what is
    measured.
    Differs from 1989: the paper has no pooling and no ReLU, and in place of the linear layer it adds up its
    output units over time.
    Source: A. Waibel et al., "Phoneme recognition using time-delay neural networks" (1989);
    K. Lang, A. Waibel and G. Hinton, "A time-delay neural network architecture for isolated word recognition"
    (1990).
    """

    maps: ClassVar = Widths(default=(8, 16), most=4)
    kernel: ClassVar = Int(default=5, low=1, high=64)
    pooling: ClassVar = Choice(default="max", options=("max", "average", "subsample"))
    activation: ClassVar = EntryOf(kind="activations", default="relu")
    dropout: ClassVar = DROPOUT

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; ConfigError for images of another height, and for series too short."""
        channels, height, width = shape
        if height != 1:
            raise ConfigError("model", f"tdnn needs images one pixel high, got {height}×{width}")
        act = Activate(config["activation"]["name"], "model.activation")
        chain: dict[str, Layer] = {"series": Series()}
        place: Shape = (channels, width)
        for i, maps in enumerate(config["maps"], 1):
            convolution, pool = Conv1d(place[0], maps, config["kernel"]), _pool(config["pooling"], maps)
            chain[f"conv{i}"] = convolution
            rest = [(f"act{i}", act), (f"pool{i}", pool)]
            first = config["pooling"] == "max" and act.activation.monotone
            chain |= dict(rest[::-1] if first else rest)
            place = pool.output(convolution.output(place))
        return chain | {
            "flatten": Flatten(),
            "drop": Dropout("model.dropout"),
            "linear": Linear(prod(place), classes),
        }


def _pool(pooling: str, maps: int) -> Layer:
    if pooling == "subsample":
        return Subsample1d(maps, WINDOW)
    return MaxPool1d(WINDOW) if pooling == "max" else AveragePool1d(WINDOW)
