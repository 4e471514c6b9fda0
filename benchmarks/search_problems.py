"""Functions on which methods of search are compared: smooth, with many minima, with conditions, and discrete.

Sources: L. A. Rastrigin, "Systems of extremal control" (1974); D. H. Ackley, "A connectionist machine for
genetic hillclimbing" (1987).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.domain.asking.ask import ask
from services.domain.asking.history import History
from services.domain.asking.observations import AskedPoint, PointResult
from services.domain.asking.search_space import SearchSpace
from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.plan.choices import Group
from services.domain.plan.dependencies import AxisCondition, Dependencies
from services.domain.random_numbers import unit
from services.domain.search import AskedSearch


def spread(path: str, low: float, high: float, **more: Any) -> RangeAxis:
    """A range, by default without steps."""
    return RangeAxis(name=path, path=path, row=True, low=low, high=high, **more)


def listed(path: str, values: list[Any]) -> ListedAxis:
    """A list of values."""
    return ListedAxis(name=path, path=path, row=True, values=values, written=values)


@dataclass(frozen=True)
class SearchProblem:
    """A space, and a function of a point's values whose minimum is looked for."""

    name: str
    axes: list[Axis]
    cost: Callable[[Mapping[str, Any]], float]
    dependencies: Dependencies = field(default_factory=Dependencies)
    groups: tuple[Group, ...] = ()

    @property
    def space(self) -> SearchSpace:
        """The space as methods see it."""
        return SearchSpace(self.axes, self.dependencies, self.groups)

    def value(self, point: AskedPoint) -> float:
        """The cost of a point."""
        axes = {axis.path: axis for axis in self.axes}
        return self.cost({path: axes[path].value(at) for path, at in point.coordinates.items()})


def tried(
    problem: SearchProblem, method: AskedSearch, count: int, batch: int, seed: int
) -> list[PointResult]:
    """All points that a method tries, asked for in batches whose results are known at the next ask."""
    space, history, found = problem.space, History(), list[PointResult]()
    while len(found) < count:
        points = ask(method, space, history, min(batch, count - len(found)), seed)
        for point in points:
            found.append(PointResult(point, problem.value(point)))
            history.put(len(found) - 1, found[-1])
        if not points:
            break
    return found


def best(results: list[PointResult]) -> float:
    """The least value of some results."""
    return min(result.value for result in results if result.value is not None)


def random_best(problem: SearchProblem, count: int, seed: int) -> float:
    """The least of so many random points' values."""
    space = problem.space
    points = (
        space.point(lambda each, index=index: each.at(unit(seed, "random", index, each.name)))  # type: ignore[misc]
        for index in range(count)
    )
    return min(map(problem.value, points))


def _sphere(values: Mapping[str, float]) -> float:
    return sum((x - 1.3) ** 2 for x in values.values())


def _rastrigin(values: Mapping[str, float]) -> float:
    shifted = [x - 0.7 for x in values.values()]
    return sum(x * x - 10 * math.cos(2 * math.pi * x) + 10 for x in shifted)


def _ackley(values: Mapping[str, float]) -> float:
    shifted = [x - 0.7 for x in values.values()]
    n = len(shifted)
    square, wave = sum(x * x for x in shifted) / n, sum(math.cos(2 * math.pi * x) for x in shifted) / n
    return 20 + math.e - 20 * math.exp(-0.2 * math.sqrt(square)) - math.exp(wave)


def _conditional(values: Mapping[str, Any]) -> float:
    """Two kinds have axes of their own; the better kind has two of them, the third kind none."""
    if values["kind"] == "a":
        return float(1 + 4 * (values["a"] - 0.2) ** 2)
    if values["kind"] == "b":
        return float(0.2 + 8 * (values["b"] - 0.8) ** 2 + (math.log10(values["rate"]) + 2) ** 2)
    return 2.0


def _discrete(values: Mapping[str, Any]) -> float:
    kinds = {"a": 0.5, "b": 0.0, "c": 0.3, "d": 0.4}
    rate = (math.log10(values["rate"]) + 2) ** 2
    return float(kinds[values["kind"]] + rate + (values["width"] - 40) ** 2 / 400 + values["noise"] / 10)


_CUBE: list[Axis] = [spread(f"x{index}", -5, 5) for index in range(3)]
_KINDS = Dependencies(
    conditions=[
        AxisCondition(axis="a", on="kind", indices=[0]),
        AxisCondition(axis="b", on="kind", indices=[1]),
        AxisCondition(axis="rate", on="kind", indices=[1]),
    ]
)
_DISCRETE: list[Axis] = [
    listed("kind", ["a", "b", "c", "d"]),
    listed("rate", [1e-4, 1e-3, 1e-2, 1e-1]),
    spread("width", 8, 71, step=1.0, whole=True),
    listed("noise", [0, 1, 2]),
]
PROBLEMS = {
    problem.name: problem
    for problem in (
        SearchProblem("sphere", _CUBE, _sphere),
        SearchProblem("rastrigin", _CUBE, _rastrigin),
        SearchProblem("ackley", _CUBE, _ackley),
        SearchProblem(
            "conditional",
            [
                listed("kind", ["a", "b", "c"]),
                spread("a", 0, 1),
                spread("b", 0, 1),
                spread("rate", 1e-4, 1, log=True),
            ],
            _conditional,
            _KINDS,
        ),
        SearchProblem(
            "discrete", _DISCRETE, _discrete, groups=tuple(Group(paths=[axis.path]) for axis in _DISCRETE)
        ),
    )
}
