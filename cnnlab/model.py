"""What every model is: a family of networks, one for each shape of image."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from cnnlab.layer import Layer


class Model(ABC):
    """A file in models/ holds one of these."""

    @abstractmethod
    def layers(
        self, config: Mapping[str, Any], shape: tuple[int, int, int], classes: int
    ) -> dict[str, Layer]:
        """Return the chain of layers by name, from images (C, H, W) to `classes` scores.

        `config` is the resolved section "model"; ConfigError at "model" for images that do not fit.
        """
