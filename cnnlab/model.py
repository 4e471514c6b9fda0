"""What every model is: a family of networks, one for each shape of image."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from cnnlab.hyper import Choice, EntryOf, Number
from cnnlab.layer import Layer

# Hyperparameters that several models declare.
DROPOUT = Number(default=0.0, low=0.0, high=1.0)
DROPOUT_SCALE = Choice(default="train", options=("train", "predict"))
NORM = Choice(default="none", options=("none", "batch"))
NORM_STATISTICS = Choice(default="ema", options=("ema", "population"))
INITIALIZER = EntryOf(kind="initializers", default="fan-in-uniform")


class Model(ABC):
    """A file in models/ holds one of these."""

    @abstractmethod
    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain of layers by name, from images (C, H, W) to `classes` scores.

        `config` is the resolved section "model"; ConfigError at "model" for images that do not fit.
        """
