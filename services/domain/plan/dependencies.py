"""How axes depend on one another: zips, conditions and constraints, and the combinations that they leave."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.domain.plan.axis import Coordinate, Coordinates
from services.domain.spec.constraint import Constraint


class AxisCondition(BaseModel):
    """An axis has a value only where another one has one of some values, here by their indices."""

    model_config = ConfigDict(frozen=True)

    axis: str
    on: str
    indices: list[int]


class Dependencies(BaseModel):
    """All zips, conditions and constraints of a space; `aliases` are the names that constraints use."""

    model_config = ConfigDict(frozen=True)

    zips: list[list[str]] = []
    conditions: list[AxisCondition] = []
    constraints: list[str] = []
    aliases: dict[str, str] = {}

    @property
    def conditional(self) -> frozenset[str]:
        """The paths of axes that have no value at some points."""
        return frozenset(condition.axis for condition in self.conditions)

    def renamed(self, paths: Mapping[str, str]) -> Dependencies:
        """The same dependencies of axes with new paths."""
        return Dependencies(
            zips=[[paths[path] for path in axes] for axes in self.zips],
            conditions=[
                AxisCondition(axis=paths[c.axis], on=paths[c.on], indices=c.indices) for c in self.conditions
            ],
            constraints=self.constraints,
            aliases={alias: paths[path] for alias, path in self.aliases.items()},
        )

    def among(self, paths: Collection[str]) -> Dependencies:
        """Those that are of these axes alone."""
        kept = frozenset(paths)
        return Dependencies(
            zips=[zipped for zipped in self.zips if kept.issuperset(zipped)],
            conditions=[c for c in self.conditions if c.axis in kept and c.on in kept],
            constraints=[
                text
                for text, constraint in zip(self.constraints, self._constraints, strict=True)
                if kept.issuperset(self.aliases[name] for name in constraint.names)
            ],
            aliases={name: path for name, path in self.aliases.items() if path in kept},
        )

    def first_of_zip(self, path: str) -> str:
        """The axis that decides for this one: the first of its zip, else itself."""
        return self._first_of_zip.get(path, path)

    def order(self, paths: Sequence[str]) -> list[str]:
        """The paths, each after those that its conditions name; graphlib's `CycleError` if they cannot be."""
        rank = {path: place for place, path in enumerate(paths)}
        graph = TopologicalSorter(
            {
                path: sorted({c.on for c in self.conditions if c.axis == path and c.on in rank}, key=rank.get)  # type: ignore[arg-type]
                for path in paths
            }
        )
        return list(graph.static_order())

    def has_value(self, path: str, coordinates: Mapping[str, Coordinate]) -> bool:
        """Whether the conditions of an axis hold at these coordinates."""
        return all(coordinates.get(c.on) in c.indices for c in self.conditions if c.axis == path)

    def constraints_hold(self, written: Mapping[str, Any]) -> bool:
        """Whether every constraint holds for these values, by path, as the user wrote them."""
        named = {alias: written[path] for alias, path in self.aliases.items() if path in written}
        return all(constraint.holds(named) for constraint in self._constraints)

    def groups(self, paths: Sequence[str]) -> list[list[str]]:
        """Split axes into those that depend on one another, in the order of their first members."""
        parent = {path: path for path in paths}

        def root(path: str) -> str:
            while parent[path] != path:
                path = parent[path]
            return path

        linked = [*self.zips, *([c.axis, c.on] for c in self.conditions)]
        linked += [[self.aliases[name] for name in sorted(c.names)] for c in self._constraints]
        for first, *others in linked:
            for other in others:
                parent[root(other)] = root(first)
        found: dict[str, list[str]] = {}
        for path in paths:
            found.setdefault(root(path), []).append(path)
        return list(found.values())

    def combinations(
        self, paths: Sequence[str], candidates: Mapping[str, Sequence[Coordinate]]
    ) -> Iterator[Coordinates]:
        """Every combination of the axes' candidates that zips and conditions allow."""
        yield from self._extend(self.order(paths), candidates, {})

    def _extend(
        self, paths: Sequence[str], candidates: Mapping[str, Sequence[Coordinate]], so_far: Coordinates
    ) -> Iterator[Coordinates]:
        if not paths:
            yield so_far
            return
        path, *left = paths
        if not self.has_value(path, so_far):
            yield from self._extend(left, candidates, so_far)
            return
        first = self.first_of_zip(path)
        zipped = next((other for other in so_far if self.first_of_zip(other) == first), None)
        for coordinate in candidates[path] if zipped is None else [so_far[zipped]]:
            yield from self._extend(left, candidates, {**so_far, path: coordinate})

    @cached_property
    def _constraints(self) -> list[Constraint]:
        return [Constraint.read(text) for text in self.constraints]

    @cached_property
    def _first_of_zip(self) -> dict[str, str]:
        return {path: axes[0] for axes in self.zips for path in axes}
