"""Widths: few rows in vain, bounded by memory, the same for any number of workers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.plan.packing import MAX_WIDTH, Arrangement, arrange, packs


@pytest.mark.parametrize(
    ("points", "expected"), [(1, 1), (3, 3), (4, 4), (8, 4), (18, 9), (24, 12), (1000, 12)]
)
def test_known_widths(points: int, expected: int) -> None:
    assert arrange(points, 1, 1, 1 << 30) == Arrangement(expected, mixed=False)


@pytest.mark.parametrize(
    ("points", "seeds", "mixed"),
    [(1, 10, True), (2, 5, True), (18, 5, False), (9, 2, False), (1000, 5, False)],
)
def test_replicates_share_arrays_where_points_alone_do_not_fill_them(
    points: int, seeds: int, mixed: bool
) -> None:
    assert arrange(points, seeds, 1, 1 << 30).mixed is mixed


@pytest.mark.parametrize(("points", "seeds", "width"), [(1, 1, 1), (4, 1, 4), (1000, 1, 12), (18, 5, 9)])
def test_trials_with_batches_of_their_own_are_mixed_whatever_their_number(
    points: int, seeds: int, width: int
) -> None:
    """However few seeds there are: two points of one replicate share no batch either."""
    assert arrange(points, seeds, 1, 1 << 30, own_batches=True) == Arrangement(width, mixed=True)


@pytest.mark.parametrize(("points", "width"), [(4, 2), (6, 3), (5, 3), (1, 1)])
def test_where_memory_holds_few_rows_none_is_computed_in_vain_for_a_wider_pack(
    points: int, width: int
) -> None:
    """Four trials as two packs of two, not as three and one beside two dead rows."""
    assert arrange(points, 1, 100, 300) == Arrangement(width, mixed=False)


def test_memory_bounds_the_width() -> None:
    assert arrange(24, 1, 100, 500).width <= 5
    assert arrange(24, 5, 100, 1).width == 1


@given(st.integers(1, 5000), st.integers(1, 20))
def test_a_quarter_of_the_rows_at_most_is_computed_in_vain(points: int, seeds: int) -> None:
    one = arrange(points, seeds, 1, 1 << 30)
    together = points * seeds if one.mixed else points
    assert 1 <= one.width <= min(MAX_WIDTH, together)
    if together > MAX_WIDTH:
        assert (packs(points, seeds, one) * one.width - points * seeds) / (points * seeds) <= 0.25
