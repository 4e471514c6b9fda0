"""Methods of search, one file each: which points of a space a sweep visits, and in which order.

A file registers one class under the file's name.
"""

from __future__ import annotations

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import ClassVar, TypeVar

from services.domain.errors import Problem, SpecError, nearest


class IndexedSearch(ABC):
    """A search that is fixed at submit: a shape's points have indices, and it says which it visits when."""

    needs_max_trials: ClassVar[bool]  # it goes on for as long as it may
    takes_open_ranges: ClassVar[bool]  # a range may have no steps
    draws_points: ClassVar[bool]  # points of a space that cannot be listed are drawn one by one

    @abstractmethod
    def visits(self, sizes: Sequence[int], points: int | None, seed: int) -> list[int]:
        """Return how many points of each shape it visits.

        `sizes` are how many each shape has, `points` how many are asked for in all; None: no limit.
        """

    @abstractmethod
    def index(self, position: int, size: int, seed: int, shape: int) -> int:
        """Return the index, below `size`, of the point that it visits at a position of a shape."""


Method = TypeVar("Method", bound=IndexedSearch)
_methods: dict[str, IndexedSearch] = {}


def register(method: type[Method]) -> type[Method]:
    """Register a class under its file's name; used as a decorator."""
    _methods[method.__module__.rpartition(".")[2]] = method()
    return method


@lru_cache
def names() -> tuple[str, ...]:
    """Every method that has a file here."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def get(name: str) -> IndexedSearch:
    """The method of that name; `SpecError` at /search if there is none."""
    if name not in names():
        detail = f"no search method {name!r}.{nearest(name, names())} Known: {', '.join(names())}."
        raise SpecError([Problem("/search", detail)])
    import_module(f"{__name__}.{name}")
    return _methods[name]
