"""What every optimizer is: how a step is made of gradients, on rows of parameters and slots."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor


@dataclass(frozen=True)
class Evaluation:
    """The objective, loss and penalties, of k rows at a point each.

    `hessian()` returns its second derivatives there, (k, P, P); they are computed when asked for.
    """

    value: Tensor  # (k,)
    gradient: Tensor  # (k, P)
    hessian: Callable[[], Tensor]


Step = Generator[Tensor, Evaluation, None]


class Optimizer(ABC):
    """A file in optimizers/ holds one of these; it keeps nothing itself, so one object serves all rows.

    Parameters w and each slot are (k, P), constants are (k, 1). Slots are what a row remembers; they start at
    0. A method that is `whole` needs the same objective whenever it asks: all images in one batch, nothing
    random; `most` is how many parameters it can do with.
    """

    slots: ClassVar[int] = 0
    whole: ClassVar[bool] = False
    most: ClassVar[int | None] = None

    def memory(self, choice: Mapping[str, Any], parameters: int) -> int:
        """Return how many slots a row with these hyperparameters needs."""
        return self.slots

    def working(self, parameters: int) -> int:
        """Return how many numbers more a row takes while it steps, those of float64 counted twice."""
        return 0

    def constants(self, h: Mapping[str, Tensor], t: Tensor) -> Mapping[str, Tensor]:
        """Return what the formula needs at step t = 1, 2, …; here everything is float64 (k, 1).

        Where a schedule moves `momentum`, h has `momentum_next` too, the momentum of the step after.
        """
        return h

    @abstractmethod
    def step(self, w: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> Step:
        """Yield points, (k, P), to be given the objective there; change w and the slots in place.

        At least one point is asked for; rows that need no more of them yield w while others do.
        """


class Rule(Optimizer):
    """An optimizer whose step is a formula of one gradient: most of them are."""

    def point(self, w: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> Tensor:
        """Return the point at which the objective's gradient is taken, (k, P): usually w itself."""
        return w

    @abstractmethod
    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Change w and the slots in place; penalties and their derivative are in the gradient already."""

    def step(self, w: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> Step:
        """Ask for one gradient."""
        at = yield self.point(w, slots, c)
        self.update(w, at.gradient, slots, c)
