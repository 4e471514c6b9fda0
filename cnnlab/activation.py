"""What every activation is: a function of one number, applied to K trials at once."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.errors import CnnlabError
from cnnlab.plain_code import PlainCode


class Activation(ABC):
    """A file in activations/ holds one of these; its declared hyperparameters are numbers of a row.

    `monotone`: f never decreases, for any hyperparameters. Then max f(x) = f(max x), and a model may pool
    first, for the same result at less work. One that decreases somewhere declares `monotone = False`.
    """

    monotone: ClassVar[bool] = True

    @abstractmethod
    def value(self, x: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return f(x), elementwise; each hyperparameter has an x-shaped view, 1 everywhere but over rows."""

    def to_torch(self, h: Mapping[str, float]) -> PlainCode:
        """Return f as plain torch, with these hyperparameters; CnnlabError where it has no such form."""
        raise CnnlabError(f"the activation must define to_torch(h), which {type(self).__qualname__} does not")
