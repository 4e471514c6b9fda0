"""Rules of early stopping, one file each: pure functions of what trials have reported.

A file registers one class under the file's name, with hyphens. A *rung rule* compares the points of a cohort
at rungs, after so many epochs; a *trial rule* looks at one trial's curve; a *sweep rule* ends a sweep.
"""

from __future__ import annotations

import pkgutil
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from services.domain.spec.objective import Objective


class StoppingRule(BaseModel):
    """A rule as a spec has it: its name and its parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str


@dataclass(frozen=True)
class PointAtRung:
    """A point at a rung, by the mean over its replicates there.

    `value` is the objective's, None if no replicate has one; `average` the mean over all epochs so far.
    """

    point: int
    value: float | None
    average: float | None


@dataclass(frozen=True)
class CohortPlan:
    """How many points a cohort has, and after which epochs they are compared."""

    points: int
    rungs: tuple[int, ...]


class RungRule(StoppingRule):
    """A rule that compares points after so many epochs: all that do not go on are pruned together."""

    needs_averages: ClassVar[bool] = False

    def by_results(self, epochs: int, least: int) -> Self:
        """Return the rule as it is for points of so many epochs that are asked for by results.

        `least` is how many points a cohort must have at least.
        """
        return self

    def block(self, points: int) -> int:
        """Return how many neighbouring points are divided among cohorts at random: all, unless it says so."""
        return points

    @abstractmethod
    def cohorts(self, points: int, epochs: int) -> list[CohortPlan]:
        """Return the cohorts that so many points, each of so many epochs, are divided into."""

    @abstractmethod
    def kept(self, there: Sequence[PointAtRung], rung: int, size: int, objective: Objective) -> list[int]:
        """Return the points that go on, best first, at the rung with this index.

        `there` are the points that have reached it, `size` how many the cohort had at the beginning.
        """

    @abstractmethod
    def first_wrong_rung(self, epochs: int) -> tuple[str, int] | None:
        """Return the parameter that puts a rung at the last of so many epochs or beyond it, and that rung."""


class TrialRule(StoppingRule):
    """A rule that ends a trial by the trial's own curve."""

    @abstractmethod
    def reason(self, epoch: int, best_epoch: int | None) -> str | None:
        """Return why a trial ends after an epoch, given its best one so far; None if it goes on."""


class SweepRule(StoppingRule):
    """A rule that ends a whole sweep."""

    @abstractmethod
    def reason(self, best: float | None, seconds: float, objective: Objective) -> str | None:
        """Return why a sweep ends, given its best value and seconds since it began; None if it goes on."""


Rule = TypeVar("Rule", bound=StoppingRule)
_rules: dict[str, type[StoppingRule]] = {}


def register(rule: type[Rule]) -> type[Rule]:
    """Register a class under its file's name; used as a decorator."""
    _rules[rule.__module__.rpartition(".")[2].replace("_", "-")] = rule
    return rule


@lru_cache
def all_rules() -> Mapping[str, type[StoppingRule]]:
    """Every rule that has a file here, by name."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return dict(sorted(_rules.items()))


def best_first(there: Sequence[PointAtRung], objective: Objective) -> list[PointAtRung]:
    """Order points by value, best first; among equal ones, and those without a value, by number."""
    return sorted(there, key=lambda each: (objective.key(each.value), each.point))
