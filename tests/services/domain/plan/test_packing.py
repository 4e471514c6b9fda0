"""Widths: few rows in vain, bounded by memory, the same for any number of workers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.plan.packing import (
    FIRST_WIDTH,
    KNEE,
    LADDER,
    MAX_WIDTH,
    Arrangement,
    arrange,
    gpu_memory,
    ladder_width,
    next_rows,
    packs,
    usable_memory,
    widest,
)


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


GIB = 2**30


@pytest.mark.parametrize(
    ("bytes_per_row", "beside", "memory", "too_wide", "width"),
    [
        (1, 0, 80 * GIB, None, LADDER[-1]),
        (2 * GIB, 0, 80 * GIB, None, 32),  # 0.8 of 80 GiB
        (2 * GIB, 1, 80 * GIB, None, 16),  # and a byte for the data
        (2 * GIB, 0, 80 * GIB - 1, None, 16),
        (100 * GIB, 0, 80 * GIB, None, 1),  # tried
        (GIB // 4, 0, 0, None, 4),  # a driver that does not say: 2 GiB
        (2 * GIB, 0, 80 * GIB, 32, 16),
        (2 * GIB, 0, 80 * GIB, 64, 32),
        (1, 0, 80 * GIB, 1, 1),
    ],
)
def test_a_gpu_s_width_fits_its_memory_beside_the_data(
    bytes_per_row: int, beside: int, memory: int, too_wide: int | None, width: int
) -> None:
    assert widest(bytes_per_row, beside, memory, too_wide) == width
    if width > 1:
        assert gpu_memory(width, bytes_per_row, beside) <= usable_memory(memory)


def test_a_single_row_is_tried_on_any_gpu() -> None:
    assert (gpu_memory(1, 4 * GIB, 0), gpu_memory(2, 4 * GIB, 2 * GIB)) == (0, 12.5 * GIB)


@pytest.mark.parametrize(
    ("trials", "most", "width"),
    [(1000, 512, FIRST_WIDTH), (1, 512, 1), (5, 512, 8), (1000, 32, 32), (1000, 1, 1)],
)
def test_a_gpu_s_width_has_room_for_the_trials(trials: int, most: int, width: int) -> None:
    assert ladder_width(trials, most, {}) == width


@pytest.mark.parametrize(
    ("speeds", "width"),
    [
        ({64: 5.0}, 128),  # does more pay?
        ({32: 3.0, 64: 5.0}, 128),
        ({64: 5.0, 128: 5.4}, 64),
        ({64: 5.0, 128: 5.6}, 256),
        ({64: 5.0, 128: 9.0, 256: 9.1}, 128),
        ({64: 5.0, 512: 9.0}, 512),  # the ladder ends
        ({12: 5.0}, FIRST_WIDTH),  # measured on no rung
    ],
)
def test_a_gpu_s_width_follows_what_was_measured(speeds: dict[int, float], width: int) -> None:
    assert ladder_width(10_000, 512, speeds) == width


@given(st.integers(1, 2000), st.dictionaries(st.sampled_from(LADDER), st.floats(0.1, 1e6)))
def test_no_gpu_s_width_is_twice_what_its_trials_need(trials: int, speeds: dict[int, float]) -> None:
    width = ladder_width(trials, 512, speeds)
    assert width in LADDER
    assert width < 2 * trials
    assert KNEE > 1


@pytest.mark.parametrize(
    ("trials", "most", "packs"),
    [(81, 11, [11, *[10] * 7]), (10, 4, [4, 3, 3]), (4, 12, [4]), (13, 12, [7, 6]), (1, 1, [1])],
)
def test_trials_are_divided_evenly_among_as_few_packs_as_their_width_allows(
    trials: int, most: int, packs: list[int]
) -> None:
    found = []
    while trials:
        found.append(next_rows(trials, most))
        trials -= found[-1]
    assert found == packs
