"""What every initializer is: first values of a parameter, made of uniform noise."""

from abc import ABC, abstractmethod

from torch import Tensor


class Initializer(ABC):
    """A file in initializers/ holds one of these."""

    @abstractmethod
    def value(self, u: Tensor, fan_in: int) -> Tensor:
        """Return first values, shaped as u: independent and uniform in (0, 1), float64."""
