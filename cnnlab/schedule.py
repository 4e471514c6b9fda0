"""What every schedule is: how one number of an optimizer moves while a row trains."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from cnnlab.hyper import Choice

UNIT = Choice(default="epoch", options=("epoch", "iteration"), row=True)


class Schedule(ABC):
    """A file in schedules/ holds one of these; it keeps nothing itself, so one object serves all rows.

    The number is the learning rate (`train.schedule`) or the momentum (`train.momentum_schedule`); `start` is
    what the optimizer's config says of it. Tensors are float64 (k,), a row each. t counts what is behind a
    row, from 0: whole epochs, or iterations for a schedule that declares `unit` and is told so.
    """

    memory: ClassVar[tuple[float, float, float]] = (0.0, 0.0, 0.0)  # three numbers of a row, as they begin

    @abstractmethod
    def value(self, start: Tensor, t: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """Return the number at t; `memory` is (k, 3)."""

    def observe(self, loss: Tensor, h: Mapping[str, Tensor], memory: Tensor) -> None:
        """Change memory in place after an epoch: its validation loss, without that part its training loss."""
        return
