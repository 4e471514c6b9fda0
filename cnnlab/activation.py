"""What every activation is: a function of one number, applied to K trials at once."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor


class Activation(ABC):
    """A file in activations/ holds one of these; its declared hyperparameters are numbers of a row."""

    @abstractmethod
    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return f(x), elementwise; each hyperparameter has an x-shaped view, 1 everywhere but over rows."""
