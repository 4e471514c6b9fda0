"""What proposes points: made from the results there are, asked for one choice after another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from services.domain.asking.dimension import Choice, Choices, Dimension

Chooser = Callable[[Dimension], Choice]


class Suggesting(Protocol):
    """A trial of a library that suggests values, as those of Optuna and rustuna do."""

    def suggest_float(self, name: str, low: float, high: float, /) -> float:
        """A number from low to high."""

    def suggest_int(self, name: str, low: int, high: int, /) -> int:
        """An integer from low to high, both included."""

    def suggest_categorical(self, name: str, choices: list[Any], /) -> Any:
        """One of the choices."""


def suggested_by(trial: Suggesting) -> Chooser:
    """Have a library's trial make the choices."""

    def choose(dimension: Dimension) -> Choice:
        if dimension.kind == "real":
            return trial.suggest_float(dimension.name, 0.0, 1.0)
        last = (dimension.size or 1) - 1
        if dimension.kind == "steps":
            return trial.suggest_int(dimension.name, 0, last)
        return int(trial.suggest_categorical(dimension.name, list(range(last + 1))) or 0)

    return choose


class Proposer(ABC):
    """Proposes points one by one, for as long as it is asked; each is taken or refused."""

    max_proposals: ClassVar[int] = 50  # for one point; then a random one is tried in its place

    @abstractmethod
    def propose(self) -> Chooser:
        """Begin the next proposal: a function that is asked for a choice on each dimension with a value."""

    def take(self, choices: Choices) -> None:  # noqa: B027 (some need not know)
        """Note that a point is tried from now on."""

    def refuse(self, choices: Choices) -> None:  # noqa: B027
        """Note that a point is not tried, because it was tried before or misses a constraint."""
