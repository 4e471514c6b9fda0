"""What ties axes together: zips, conditions and constraints, and the combinations that they leave.

An assignment gives some axes, by path, a pick: the index of a value, or the number itself on a range without
steps. An axis whose condition does not hold has no pick.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.domain.spec.constraint import Constraint

Pick = int | float
Assignment = dict[str, Pick]


class Condition(BaseModel):
    """An axis has a value only where another one has one of these picks."""

    model_config = ConfigDict(frozen=True)

    axis: str
    on: str
    picks: list[int]


class Ties(BaseModel):
    """All zips, conditions and constraints of a space; `aliases` are the names that constraints use."""

    model_config = ConfigDict(frozen=True)

    zips: list[list[str]] = []
    conditions: list[Condition] = []
    constraints: list[str] = []
    aliases: dict[str, str] = {}

    def renamed(self, paths: Mapping[str, str]) -> Ties:
        """The same ties of axes with new paths."""
        return Ties(
            zips=[[paths[path] for path in axes] for axes in self.zips],
            conditions=[
                Condition(axis=paths[c.axis], on=paths[c.on], picks=c.picks) for c in self.conditions
            ],
            constraints=self.constraints,
            aliases={alias: paths[path] for alias, path in self.aliases.items()},
        )

    @cached_property
    def _constraints(self) -> list[Constraint]:
        return [Constraint.read(text) for text in self.constraints]

    @cached_property
    def _leaders(self) -> dict[str, str]:
        return {path: axes[0] for axes in self.zips for path in axes}

    def leader(self, path: str) -> str:
        """The axis whose pick this one takes: the first of its zip, else itself."""
        return self._leaders.get(path, path)

    def order(self, paths: Sequence[str]) -> list[str]:
        """The paths so that every axis follows those that its condition names; `CycleError` if none can."""
        rank = {path: place for place, path in enumerate(paths)}
        graph = TopologicalSorter(
            {
                path: sorted({c.on for c in self.conditions if c.axis == path and c.on in rank}, key=rank.get)  # type: ignore[arg-type]
                for path in paths
            }
        )
        return list(graph.static_order())

    def active(self, path: str, assignment: Mapping[str, Pick]) -> bool:
        """Whether an axis has a value beside these picks."""
        return all(assignment.get(c.on) in c.picks for c in self.conditions if c.axis == path)

    def met(self, given: Mapping[str, Any]) -> bool:
        """Whether every constraint holds for these values, as the user wrote them."""
        named = {alias: given[path] for alias, path in self.aliases.items() if path in given}
        return all(constraint.holds(named) for constraint in self._constraints)

    def groups(self, paths: Sequence[str]) -> list[list[str]]:
        """Split axes into those that depend on one another, in the order of their first members."""
        parent = {path: path for path in paths}

        def root(path: str) -> str:
            while parent[path] != path:
                path = parent[path]
            return path

        tied = [*self.zips, *([c.axis, c.on] for c in self.conditions)]
        tied += [[self.aliases[name] for name in sorted(c.names)] for c in self._constraints]
        for first, *others in tied:
            for other in others:
                parent[root(other)] = root(first)
        found: dict[str, list[str]] = {}
        for path in paths:
            found.setdefault(root(path), []).append(path)
        return list(found.values())

    def combinations(
        self, paths: Sequence[str], candidates: Mapping[str, Sequence[Pick]]
    ) -> Iterator[Assignment]:
        """Every assignment of candidates to these axes that zips and conditions allow."""
        yield from self._extend(self.order(paths), candidates, {})

    def _extend(
        self, paths: Sequence[str], candidates: Mapping[str, Sequence[Pick]], so_far: Assignment
    ) -> Iterator[Assignment]:
        if not paths:
            yield so_far
            return
        path, *left = paths
        if not self.active(path, so_far):
            yield from self._extend(left, candidates, so_far)
            return
        leader = self.leader(path)
        fellow = next((p for p in so_far if self.leader(p) == leader), None)
        for pick in candidates[path] if fellow is None else [so_far[fellow]]:
            yield from self._extend(left, candidates, {**so_far, path: pick})


__all__ = ["Assignment", "Condition", "CycleError", "Pick", "Ties"]
