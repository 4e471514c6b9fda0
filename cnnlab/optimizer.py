"""What every optimizer is: how gradients become a step, on rows of parameters and state."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from cnnlab.layer import Parameter


@dataclass(frozen=True)
class Evaluation:
    """The objective, loss and penalties, of k rows at a point each.

    `hessian()` computes its second derivatives at that point, (k, P, P).
    """

    value: Tensor  # (k,)
    gradient: Tensor  # (k, P)
    hessian: Callable[[], Tensor]


Step = Generator[Tensor, Evaluation, None]


class Optimizer(ABC):
    """A file in optimizers/ holds one of these; the object has no state, so one serves all rows.

    Parameters w and each slot are (k, P), constants are (k, 1). Slots are a row's state; they start at 0. A
    `full_batch` method needs the same objective at every evaluation: all images in one batch, nothing random.
    `max_parameters` is the largest net that it can train.
    """

    slots: ClassVar[int] = 0
    full_batch: ClassVar[bool] = False
    max_parameters: ClassVar[int | None] = None

    def check(self, choice: Mapping[str, Any]) -> None:
        """Raise ConfigError, at the name of a hyperparameter, where values do not go together."""
        return

    def of_net(self, table: Sequence[Parameter]) -> "Optimizer":
        """Return this rule for a net with these parameters: itself, if it treats all numbers alike."""
        return self

    def slot_count(self, choice: Mapping[str, Any], parameters: int) -> int:
        """Return how many slots a row with these hyperparameters needs."""
        return self.slots

    def workspace(self, parameters: int) -> int:
        """Return how many more numbers a row takes during a step; a float64 counts as two."""
        return 0

    def constants(self, h: Mapping[str, Tensor], t: Tensor) -> Mapping[str, Tensor]:
        """Return what the formula needs at step t = 1, 2, …; here everything is float64 (k, 1).

        Where a schedule moves `momentum`, h has `momentum_next` too, the momentum of the step after.
        """
        return h

    @abstractmethod
    def step(self, w: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> Step:
        """Yield points, (k, P), and receive the objective at each; change w and the slots in place.

        Every step yields at least one point. A row that needs no more yields its w while others continue.
        """


class Rule(Optimizer):
    """An optimizer whose step is a formula of one gradient: most of them are."""

    def point(self, w: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> Tensor:
        """Return the point at which the gradient is evaluated, (k, P): usually w itself."""
        return w

    @abstractmethod
    def update(self, w: Tensor, g: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> None:
        """Change w and the slots in place; the gradient includes that of the penalties."""

    def step(self, w: Tensor, slots: Sequence[Tensor], c: Mapping[str, Tensor]) -> Step:
        """Evaluate one gradient."""
        at = yield self.point(w, slots, c)
        self.update(w, at.gradient, slots, c)
