"""Few points of a shape that tell of all of them: whether choices clash, and what a row takes at most."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from math import prod
from random import Random
from typing import Any

from services.domain.plan.plan import Axis, Choices, Plan, row_parts
from services.domain.plan.ties import Assignment

MOST = 5_000  # values of one axis that are looked at one by one


def tellings(plan: Plan, number: int, most: int) -> Iterator[dict[str, Any]]:
    """The values of the rows' own axes at some points of a shape of the plan, at most `most`.

    Of numbers it matters whether they are 0, and how large they are at most; words are all looked at. So some
    dozens of points tell of a space of millions. Points that are drawn one by one are looked at in their
    order, and where even the dozens are too many, a sample of them.
    """
    shape, most = plan.shapes[number], max(1, most)
    if plan.drawn:
        first = sum(before.points for before in plan.shapes[:number])
        for point in islice(range(first, first + shape.points), most):
            yield plan.values(point)
        return
    axes = {axis.path: axis for axis in plan.axes}
    parts = [_few(part.beside(shape.picks), axes) for part in row_parts(plan.axes, plan.groups)]
    combinations: Iterable[Sequence[Assignment]] = product(*parts)
    if (count := prod(map(len, parts))) > most:
        sample = Random(count)  # noqa: S311 (of no secret)
        combinations = ([sample.choice(part) for part in parts] for _ in range(most))
    for chosen in combinations:
        picks = {path: pick for part in chosen for path, pick in part.items()}
        # In the order of the axes, which has an entry before what lies below it.
        yield {axis.path: axis.value(picks[axis.path]) for axis in plan.axes if axis.path in picks}


def _few(choices: Choices, axes: Mapping[str, Axis]) -> list[Assignment]:
    """Of each kind of choice those with the largest numbers, one for each number that the kind has."""
    size = len(choices)
    largest: dict[str, dict[str, tuple[float, int]]] = {}
    for index in range(size) if size <= MOST else (0, 1, size - 1):
        values = {path: axes[path].value(pick) for path, pick in choices[index].items()}
        found = dict(_leaves(values))
        numbers = {path: float(value) for path, value in found.items() if _number(value)}
        words = {path: value for path, value in found.items() if path not in numbers}
        kind = json.dumps([words, {path: value == 0 for path, value in numbers.items()}], sort_keys=True)
        best = largest.setdefault(kind, {})
        for path, value in (numbers or {"": 0.0}).items():
            if path not in best or value > best[path][0]:
                best[path] = value, index
    return [choices[index] for index in sorted({i for best in largest.values() for _, i in best.values()})]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What stands in nested objects, by path; a list is one thing."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}")
    else:
        yield path, value


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
