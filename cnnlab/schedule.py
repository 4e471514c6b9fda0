"""What every schedule is: how one number of an optimizer changes while a row trains."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from cnnlab.hyper import Choice, Size
from cnnlab.rest_of_training import REST

UNIT = Choice(default="epoch", options=("epoch", "iteration", "fraction"), row=True)
OVER = Size(default=REST, high=1_000_000_000, word=REST, row=True)


class Schedule(ABC):
    """A file in schedules/ holds one of these; the object has no state, so one serves all rows.

    The number is the learning rate (`train.schedule`) or the momentum (`train.momentum_schedule`); `start` is
    its value in the optimizer's config. Tensors are float64 (k,), one number per row. t counts from 0 what a
    row has trained, the learning rate's without its warm-up: whole epochs, or, where a schedule declares
    `unit`, iterations, or epochs as a fraction, so that the number moves at every step. `over`, the time at
    which it stops changing, is a number here: "rest" is what is left of training behind the warm-up, see
    cnnlab/rest_of_training.py.
    """

    memory: ClassVar[tuple[float, float, float]] = (
        0.0,
        0.0,
        0.0,
    )  # a row's state at the start

    def at_rest(self, choice: Mapping[str, Any]) -> bool:
        """Return whether a learning rate is 0, or next to it, once t has reached the choice's `over`."""
        return choice.get("to") == 0

    @abstractmethod
    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return the number at t; `memory` is (k, 3)."""

    def observe(self, loss: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> None:
        """Change memory in place after an epoch: its validation loss, without that part its training loss."""
        return
