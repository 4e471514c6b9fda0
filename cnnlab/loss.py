"""What every loss is: a number for each image of each trial."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import one_hot

from cnnlab.data import Task


class Loss(ABC):
    """A file in losses/ holds one of these; the mean over a batch is taken outside.

    `tasks` are those whose targets it accepts; `probabilities`: whether it makes the softmax of the scores
    probabilities of the classes.
    """

    tasks: ClassVar[frozenset[Task]] = frozenset({"classification"})
    probabilities: ClassVar[bool] = False

    @abstractmethod
    def value(self, scores: Tensor, target: Tensor, h: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of each image, (N, K), from scores (N, K, classes) and classes int64 (N, K).

        For a regression scores are (N, K, 1) and targets are floats. Each hyperparameter is (K,), class
        weights are (K, classes), or (K, 1) where there are none.
        """


BOTH: frozenset[Task] = frozenset({"classification", "regression"})


def residual(scores: Tensor, target: Tensor) -> Tensor:
    """Return r = y − ŷ, (N, K, outputs); for a class, y is its one-hot vector."""
    if target.is_floating_point():
        return target[..., None] - scores
    return one_hot(target, scores.shape[2]).to(scores.dtype) - scores
