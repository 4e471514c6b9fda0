"""Points drawn at random where a space has ranges without steps: hashes of seed, shape, position, axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from services.domain.plan.ties import Assignment, Pick, Ties
from services.domain.random_numbers import unit

TRIES = 1000  # draws for one point; a space whose constraints leave less than this is not searched at random


class Axis(Protocol):
    """What a draw asks of an axis."""

    path: str

    @property
    def size(self) -> int | None:
        """How many values it has; None for a range without steps."""

    def number(self, share: float) -> float:
        """The number at this share of a range without steps."""

    def given(self, pick: Pick) -> Any:
        """The value of a pick as the user wrote it."""


MOST_TRIES = 100_000  # of all points that a submit looks at


class Undrawable(ValueError):
    """No point that meets the constraints was found in `TRIES` draws."""


def draw(
    axes: Sequence[Axis], ties: Ties, key: tuple[int | str, ...], fixed: Mapping[str, Pick | None]
) -> Assignment:
    """Draw a pick for every axis, each independent of the others; `fixed` axes keep theirs, or None.

    Drawn again, with the number of the try in the key, until conditions and constraints agree.
    """
    by_path = {axis.path: axis for axis in axes}
    order = ties.order(list(by_path))
    for attempt in range(TRIES):
        found = _try(by_path, order, ties, (*key, attempt), fixed)
        if found is not None and ties.met({path: by_path[path].given(pick) for path, pick in found.items()}):
            return found
    raise Undrawable(f"fewer than one in {TRIES} random points meets the constraints")


def met_by(axes: Sequence[Axis], ties: Ties, seed: int) -> int:
    """How many of `TRIES` random points meet the constraints."""
    by_path = {axis.path: axis for axis in axes}
    order = ties.order(list(by_path))
    found = (_try(by_path, order, ties, (seed, "share", attempt), {}) or {} for attempt in range(TRIES))
    return sum(ties.met({path: by_path[path].given(pick) for path, pick in one.items()}) for one in found)


def _try(
    axes: Mapping[str, Axis],
    order: Sequence[str],
    ties: Ties,
    key: tuple[int | str, ...],
    fixed: Mapping[str, Pick | None],
) -> Assignment | None:
    found: Assignment = {}
    for path in order:
        active = ties.active(path, found)
        if path in fixed:
            pick = fixed[path]
            if active != (pick is not None):
                return None
        else:
            share = unit(*key, ties.leader(path))
            size = axes[path].size
            pick = axes[path].number(share) if size is None else math.floor(share * size)
        if active and pick is not None:
            found[path] = pick
    return found
