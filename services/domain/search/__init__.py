"""Search methods, one file each: which points of a space a sweep visits, and in which order."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from services.domain.errors import Problem, SpecError, nearest


class Search(Protocol):
    """A search file's contract: a space is a number of points for each shape, held by index."""

    DRAWS: bool  # whether it can do with ranges that have no steps, and so no indices

    def visits(self, sizes: Sequence[int], points: int | None, seed: int) -> list[int]:
        """How many points of each shape it visits, given how many each has and how many are asked for."""

    def index(self, position: int, size: int, seed: int, shape: int) -> int:
        """Which point of a shape with `size` points it visits `position`-th."""


def names() -> list[str]:
    """Every method that has a file here."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get(name: str) -> Search:
    """The method of that name; `SpecError` at /search where there is none."""
    known = names()
    if name not in known:
        detail = f"no search method {name!r}.{nearest(name, known)} Known: {', '.join(known)}."
        raise SpecError([Problem("/search", detail)])
    return cast(Search, import_module(f"{__name__}.{name}"))
