"""What every optimizer is: a formula on rows of parameters, gradients and slots."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from torch import Tensor


class Optimizer(ABC):
    """A file in optimizers/ holds one of these; it keeps nothing itself, so one object serves all rows.

    Parameters w, gradients g and each slot are (K, P), constants are (K, 1). Penalties and their
    derivative are in the gradient already. `slots` counts the tensors a row remembers; they start at 0.
    """

    slots: ClassVar[int] = 0

    def constants(self, h: Mapping[str, Tensor], t: Tensor) -> Mapping[str, Tensor]:
        """Return what the formula needs at step t = 1, 2, …; here everything is float64 (K, 1).

        Where a schedule moves `momentum`, h has `momentum_next` too, the momentum of the step after.
        """
        return h

    def point(self, w: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> Tensor:
        """Return the point at which the objective's gradient is taken, (K, P): usually w itself."""
        return w

    @abstractmethod
    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Change w and the slots in place."""
