"""services/figures/chart.py."""

from __future__ import annotations

import math

import pytest
from drawn_figures import all_of, parsed, texts
from hypothesis import example, given
from hypothesis import strategies as st

from services.figures import chart, svg
from services.figures.chart import Area


def draw(curves: dict[str, list[tuple[int, float]]]) -> str:
    return svg.document(200, 100, "t", chart.lines(Area(0, 0, 200, 100), curves, "loss"))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.52, 0.78, [0.5, 0.6, 0.7, 0.8]),
        (1, 10, [0, 2, 4, 6, 8, 10]),
        (0, 1, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-3, 2, [-3, -2, -1, 0, 1, 2]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert chart.ticks(low, high) == expected


FINITE = st.floats(-chart.MAX_MAGNITUDE, chart.MAX_MAGNITUDE)


@given(FINITE, FINITE)
@example(0.0, 5e-324)
@example(1.0, 1.0 + 2.3e-16)
@example(-chart.MAX_MAGNITUDE, chart.MAX_MAGNITUDE)
def test_ticks_span_any_interval(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = chart.ticks(low, high)
    assert 2 <= len(found) <= 2 * chart.TICKS
    assert found == sorted(set(found))
    slack = 1e-9 * max(abs(low), abs(high), found[-1] - found[0])
    assert found[0] <= low + slack
    assert high - slack <= found[-1]


@given(st.lists(st.floats(), max_size=60))
@example([1.0, math.nan, 2.0])
@example([1e308, -1e308, math.inf])
def test_every_place_is_within_the_panel(values: list[float]) -> None:
    drawn = parsed(draw({"train": list(enumerate(values, 1))}))
    for dot in all_of(drawn, "circle"):
        assert chart.LEFT - 0.01 <= float(dot.get("cx", "nan")) <= 200 - chart.RIGHT + 0.01
        assert chart.TOP - 0.01 <= float(dot.get("cy", "nan")) <= 100 - chart.BOTTOM + 0.01
    assert "nan" not in "".join(path.get("d", "") for path in all_of(drawn, "path"))


def test_a_value_that_is_not_finite_leaves_a_gap() -> None:
    drawn = parsed(draw({"val": [(1, 0.5), (2, 0.6), (3, math.inf), (4, 0.7), (5, 0.8)]}))
    (line,) = [path for path in all_of(drawn, "path") if path.get("stroke") == chart.colour(0)]
    assert [part.count("L") for part in line.get("d", "").split("M")[1:]] == [1, 1]


def test_one_lonely_value_is_a_dot_however_long_the_curve_is() -> None:
    curve = [(epoch, 0.5 if epoch == 7 else math.nan) for epoch in range(1, chart.MAX_DOTS + 10)]
    assert len(all_of(parsed(draw({"val": curve})), "circle")) == 1


def dots(curve: list[tuple[int, float]]) -> list[tuple[float, float]]:
    """Where a curve's values are."""
    found = all_of(parsed(draw({"val": curve})), "circle")
    return [(float(dot.get("cx", "nan")), float(dot.get("cy", "nan"))) for dot in found]


def test_later_epochs_are_to_the_right_and_larger_values_above() -> None:
    assert dots([(1, 0.0), (2, 1.0)]) == [(chart.LEFT, 100 - chart.BOTTOM), (200 - chart.RIGHT, chart.TOP)]


def test_a_single_epoch_is_in_the_middle() -> None:
    [(x, _)] = dots([(3, 0.5)])
    assert x == (chart.LEFT + 200 - chart.RIGHT) / 2


def test_a_long_curve_is_a_line_without_dots() -> None:
    curve = [(epoch, 0.5) for epoch in range(1, chart.MAX_DOTS + 1)]
    assert len(dots(curve)) == chart.MAX_DOTS
    assert dots([*curve, (chart.MAX_DOTS + 1, 0.5)]) == []


def test_only_epochs_that_a_curve_has_are_named() -> None:
    drawn = texts(parsed(draw({"val": [(epoch, 0.5) for epoch in range(3, 15)]})))
    assert [int(each) for each in drawn[: drawn.index("epoch")] if each.isdigit()] == [5, 10]


def test_the_first_curve_lies_on_top() -> None:
    drawn = draw({"train": [(1, 0.5)], "val": [(1, 0.5)]})
    assert drawn.index(chart.colour(1)) < drawn.index(chart.colour(0))
