"""Search methods, one file each: which points of a space a sweep visits, and in which order."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from services.domain.errors import Problem, SpecError, nearest


class Search(Protocol):
    """A search file's contract."""

    def points(self, sizes: Sequence[int]) -> int:
        """How many points of a space with these axis sizes the method visits."""

    def digits(self, index: int, sizes: Sequence[int]) -> tuple[int, ...]:
        """The choice on each axis of the `index`-th point, first axis most significant."""


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
