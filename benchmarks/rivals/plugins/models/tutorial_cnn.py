"""The convolutional network of many tutorials: two 3×3 convolutions and a hidden layer."""

from collections.abc import Mapping
from math import prod
from typing import Any, ClassVar

from cnnlab.chain import Chain
from cnnlab.hyper import EntryOf
from cnnlab.layer import Layer
from cnnlab.layers.activate import Activate
from cnnlab.layers.conv2d import Conv2d
from cnnlab.layers.dropout import Dropout
from cnnlab.layers.flatten import Flatten
from cnnlab.layers.linear import Linear
from cnnlab.layers.max_pool2d import MaxPool2d
from cnnlab.model import DROPOUT, Model
from cnnlab.registry import register


@register
class TutorialCnn(Model):
    """Two convolutions with 32 and 64 maps, each with 2×2 max pooling, then 128 units and the scores.

    421,642 parameters for 28×28 grey and ten classes. Pooling comes before the activation: the same result.
    Source: PyTorch's tutorials and Keras' "Simple MNIST convnet", with padding 1.
    """

    activation: ClassVar = EntryOf("activations", default="relu")
    dropout: ClassVar = DROPOUT

    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain; ConfigError where the images are too small."""
        act = Activate(config["activation"]["name"], "model.activation")
        chain: dict[str, Layer] = {
            "conv1": Conv2d(shape[0], 32, 3, (1, 1)), "pool1": MaxPool2d(2), "act1": act,
            "conv2": Conv2d(32, 64, 3, (1, 1)), "pool2": MaxPool2d(2), "act2": act,
            "flatten": Flatten(),
        }  # fmt: skip
        features = prod(Chain(chain).output(shape))
        return chain | {
            "linear3": Linear(features, 128), "act3": act, "drop3": Dropout("model.dropout"),
            "linear4": Linear(128, classes),
        }  # fmt: skip
