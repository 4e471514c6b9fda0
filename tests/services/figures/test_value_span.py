"""services/figures/value_span.py: all values, but for a few that would hide the others."""

from __future__ import annotations

import pytest

from services.figures.value_span import value_span

CLOSE = [0.80 + number / 1000 for number in range(40)]


@pytest.mark.parametrize(
    ("values", "larger", "span"),
    [
        (CLOSE, True, (0.80, 0.839)),
        ([*CLOSE, 0.1], True, (0.801, 0.839)),  # a twentieth of 41 are two
        ([*CLOSE, 0.1, 0.2, 0.3, 0.4], True, (0.1, 0.839)),  # four of 44 are too many to leave out
        ([*CLOSE, 0.1], False, (0.1, 0.837)),  # the best one stays, and then two of the worst do not matter
        ([*CLOSE, 1e9], False, (0.80, 0.839)),
        ([0.5], True, (0.5, 0.5)),
        ([0.5] * 30 + [0.1], True, (0.1, 0.5)),  # without it there would be no span
        ([0.9, 0.1], True, (0.1, 0.9)),
    ],
)
def test_the_worst_twentieth_is_left_out_where_it_stretches_the_scale(
    values: list[float], larger: bool, span: tuple[float, float]
) -> None:
    low, high = value_span(values, larger_is_better=larger)
    assert low == pytest.approx(span[0])
    assert high == pytest.approx(span[1], abs=0.003)
