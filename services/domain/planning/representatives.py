"""A few points of a shape that stand for all: whether values clash, and what a row takes at most."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import product
from math import prod
from random import Random
from typing import Any

from services.domain.plan.axis import Axis, Coordinates
from services.domain.plan.choices import Choices
from services.domain.plan.draws import Undrawable
from services.domain.plan.space import Space

MAX_TRIED_CHOICES = 5_000  # of one group of axes; of more the ends are tried


def representatives(
    space: Space, shape: int, coordinates: Coordinates, points: int, most: int
) -> Iterator[dict[str, Any]]:
    """The values of the row axes at some of the `points` points of a shape, at most `most`.

    Of numbers it matters whether they are 0, and how large they are at most; texts are all tried. So some
    dozens of points stand for a space of millions. Points that are drawn one by one are taken in their order,
    and where even the dozens are too many, a sample of them.
    """
    most = max(1, most)
    if space.drawn:
        with suppress(Undrawable):  # refused elsewhere, unless the search chooses its points by results
            for position in range(min(points, most)):
                yield space.point(shape, coordinates, position)
        return
    axes = {axis.path: axis for axis in space.axes}
    parts = [_representatives(choices, axes) for choices in space.choices(coordinates)]
    combinations: Iterable[Sequence[Coordinates]] = product(*parts)
    if (count := prod(map(len, parts))) > most:
        sample = Random(count)  # noqa: S311 (of no secret)
        combinations = ([sample.choice(part) for part in parts] for _ in range(most))
    for chosen in combinations:
        yield space.values({path: at for part in chosen for path, at in part.items()})


def _representatives(choices: Choices, axes: Mapping[str, Axis]) -> list[Coordinates]:
    """Of each kind of choice those with the largest numbers, one for each number that the kind has."""
    size = len(choices)
    largest: dict[str, dict[str, tuple[float, int]]] = {}
    for index in range(size) if size <= MAX_TRIED_CHOICES else (0, 1, size - 1):
        values = dict(_leaves({path: axes[path].value(at) for path, at in choices[index].items()}))
        numbers = {path: float(value) for path, value in values.items() if _is_number(value)}
        texts = {path: value for path, value in values.items() if path not in numbers}
        kind = json.dumps([texts, {path: value == 0 for path, value in numbers.items()}], sort_keys=True)
        best = largest.setdefault(kind, {})
        for path, value in (numbers or {"": 0.0}).items():
            if path not in best or value > best[path][0]:
                best[path] = value, index
    return [choices[index] for index in sorted({i for best in largest.values() for _, i in best.values()})]


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values in nested objects, by path; a list is one value."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}")
    else:
        yield path, value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
