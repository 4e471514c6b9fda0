"""Widths: few rows in vain, bounded by memory, the same for any number of workers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.packing import LARGEST, width


@pytest.mark.parametrize(
    ("trials", "expected"), [(1, 1), (3, 3), (4, 4), (8, 4), (18, 9), (24, 6), (1000, 10)]
)
def test_known_widths(trials: int, expected: int) -> None:
    assert width(trials, 1, 1 << 30) == expected


def test_memory_bounds_the_width() -> None:
    assert width(24, 100, 500) <= 5
    assert width(24, 100, 1) == 1


@given(st.integers(1, 5000))
def test_a_quarter_of_the_rows_at_most_is_computed_in_vain(trials: int) -> None:
    rows = width(trials, 1, 1 << 30)
    assert 1 <= rows <= min(LARGEST, trials)
    packs = -(-trials // rows)
    assert packs * rows - trials < rows
    if trials > LARGEST:
        assert (packs * rows - trials) / trials <= 0.25
