"""What every initializer is: the first values of a parameter, made from uniform noise."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor


class Initializer(ABC):
    """A file in initializers/ holds one of these.

    `biases` names the initializer of the biases beside weights of this one, where a model names no other.
    """

    biases: ClassVar[str] = "zeros"

    @abstractmethod
    def value(self, u: Tensor, fan_in: int, fan_out: int) -> Tensor:
        """Return first values, shaped as u: independent and uniform in (0, 1), float64.

        fan_in is the inputs of one unit, fan_out the outputs of one input.
        """


def normal(u: Tensor) -> Tensor:
    """Return Φ⁻¹(u): independent and normal, of mean 0 and variance 1, where u is uniform in (0, 1)."""
    deviates: Tensor = torch.special.ndtri(u)
    return deviates
