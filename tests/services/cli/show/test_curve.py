"""services/cli/show/curve.py."""

from __future__ import annotations

import math

from services.cli.show.curve import sparkline


def test_a_rising_curve_rises() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"


def test_a_flat_curve_and_an_empty_one() -> None:
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([]) == ""


def test_what_is_not_finite_is_a_dot() -> None:
    assert sparkline([0.0, math.nan, 1.0, math.inf]) == "▁·█·"
