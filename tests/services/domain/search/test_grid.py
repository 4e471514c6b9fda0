"""Grid search: every point, in order."""

from __future__ import annotations

from services.domain.search.grid import Grid


def test_every_point_is_visited_in_order() -> None:
    grid = Grid()
    assert grid.visits([6, 4], None, 0) == [6, 4]
    assert [grid.index(i, 6, 0, 0) for i in range(6)] == [0, 1, 2, 3, 4, 5]


def test_it_needs_steps_and_no_budget() -> None:
    assert not any([Grid.needs_max_trials, Grid.takes_open_ranges, Grid.draws_points])
