"""Methods of search, one file each: which points of a space a sweep visits, and in which order.

A file registers one class under the file's name; `cma_es.py` is `cma-es`. There are two contracts. Of an
indexed search, or a sequence, each point is fixed at submit by its position. An asked search is asked for
points while the sweep goes on, and looks at the results there are.
"""

from __future__ import annotations

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import ClassVar, TypeVar

from services.domain.asking.dimension import Dimension
from services.domain.asking.level_results import LevelResults
from services.domain.asking.proposer import Proposer
from services.domain.errors import Problem, SpecError, nearest


class Search(ABC):
    """What all methods have in common."""

    needs_max_trials: ClassVar[bool]  # it goes on for as long as it may
    takes_open_ranges: ClassVar[bool]  # a range may have no steps
    draws_points: ClassVar[bool]  # points of a space that cannot be listed are drawn one by one


class IndexedSearch(Search):
    """A search that is fixed at submit: a shape's points have indices, and it says which it visits when."""

    @abstractmethod
    def visits(self, sizes: Sequence[int], points: int | None, seed: int) -> list[int]:
        """Return how many points of each shape it visits.

        `sizes` are how many each shape has, `points` how many are asked for in all; None: no limit.
        """

    @abstractmethod
    def index(self, position: int, size: int, seed: int, shape: int) -> int:
        """Return the index, below `size`, of the point that it visits at a position of a shape."""

    @abstractmethod
    def position(self, index: int, size: int, seed: int, shape: int) -> int:
        """Return the position of the point with this index: the inverse of `index`."""


class SequenceSearch(Search):
    """A search that is fixed at submit: it goes through one sequence of points over all axes."""

    @abstractmethod
    def proposer(self, dimensions: Sequence[Dimension], seed: int) -> Proposer:
        """Return what proposes the points of the sequence, from the first one on."""


class AskedSearch(Search):
    """A search that chooses points by the results of earlier ones.

    It keeps nothing: a proposer is made anew from all results, and the same results give the same proposals.
    """

    needs_max_trials = True
    takes_open_ranges = True
    draws_points = True
    first_points: ClassVar[
        int
    ]  # results it needs; until they are there, points of the Sobol sequence are tried

    @abstractmethod
    def proposer(self, dimensions: Sequence[Dimension], seen: LevelResults, seed: int) -> Proposer:
        """Return what proposes the next points; there are at least `first_points` results."""

    def missing(self) -> str | None:
        """Say what has to be installed before it can be used; None if nothing."""
        return None


Method = TypeVar("Method", bound=Search)
_methods: dict[str, Search] = {}


def register(method: type[Method]) -> type[Method]:
    """Register a class under its file's name; used as a decorator."""
    _methods[_name(method.__module__.rpartition(".")[2])] = method()
    return method


@lru_cache
def names() -> tuple[str, ...]:
    """Every method that has a file here."""
    return tuple(sorted(_name(module.name) for module in pkgutil.iter_modules(__path__)))


def get(name: str) -> Search:
    """The method of that name; `SpecError` at /search if there is none."""
    if name not in names():
        detail = f"no search method {name!r}.{nearest(name, names())} Known: {', '.join(names())}."
        raise SpecError([Problem("/search", detail)])
    import_module(f"{__name__}.{name.replace('-', '_')}")
    return _methods[name]


def asked_names() -> list[str]:
    """The methods that choose points by results."""
    return [name for name in names() if isinstance(get(name), AskedSearch)]


def _name(module: str) -> str:
    return module.replace("_", "-")
