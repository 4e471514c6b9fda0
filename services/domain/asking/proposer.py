"""What proposes points: made from the results there are, asked for one choice after another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from services.domain.asking.dimension import Choice, Choices, Dimension

Chooser = Callable[[Dimension], Choice]


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
