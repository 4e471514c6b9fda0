"""What every regularizer is: a penalty on weights that belongs to the objective."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Choice, Number


class Regularizer(ABC):
    """A file in regularizers/ holds one of these; its name is a field of a config's section `train`.

    `scope: weights` leaves out biases and the scale and shift of normalization, as is usual;
    `all` is the literal textbook.
    """

    strength: ClassVar = Number(default=0.0, low=0.0, high=1e3, log=True)
    scope: ClassVar = Choice(default="weights", options=("weights", "all"), row=True)

    @abstractmethod
    def value(self, w: Tensor, strength: Tensor) -> Tensor:
        """Return the penalty of each row, (K,), from parameters and the strength on each, both (K, P)."""

    @abstractmethod
    def gradient(self, w: Tensor, strength: Tensor) -> Tensor:
        """Return the derivative of the value by each parameter, (K, P)."""
