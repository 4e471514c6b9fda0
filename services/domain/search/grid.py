"""Grid search: every point of the space, once, in index order."""

from __future__ import annotations

from collections.abc import Sequence

from services.domain.search import IndexedSearch, register


@register
class Grid(IndexedSearch):
    """Every point of the space, once, in index order."""

    needs_max_trials = False
    takes_open_ranges = False
    draws_points = False

    def visits(self, sizes: Sequence[int], points: int | None, seed: int) -> list[int]:
        """Visit all of them."""
        return list(sizes)

    def index(self, position: int, size: int, seed: int, shape: int) -> int:
        """Visit them in order."""
        return position

    def position(self, index: int, size: int, seed: int, shape: int) -> int:
        """Return the same."""
        return index
