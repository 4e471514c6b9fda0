"""What every loss is: a number for each image of each trial."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor


class Loss(ABC):
    """A file in losses/ holds one of these; the mean over a batch is taken outside."""

    @abstractmethod
    def value(self, scores: Tensor, target: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of each image, (N, K), from scores (N, K, classes) and classes int64 (N, K).

        A hyperparameter has one number per row, (K,).
        """
