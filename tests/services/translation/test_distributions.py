"""services/translation/distributions.py, against draws as W&B and NNI make them."""

from __future__ import annotations

import math
import random

import pytest

from services.translation.distributions import normal, quantized
from services.translation.errors import TranslationError
from services.translation.parameter import Fixed, Interval


@pytest.mark.parametrize(
    ("low", "high", "q"), [(0, 1, 0.1), (0.05, 0.5, 0.1), (16, 100, 8), (3, 9, 2), (-1, 1, 0.3)]
)
def test_the_multiples_are_those_that_are_drawn(low: float, high: float, q: float) -> None:
    """W&B draws round(x / q) · q with x uniform between the ends."""
    draw = random.Random(7)
    drawn = {round(round(draw.uniform(low, high) / q) * q, 9) for _ in range(20_000)}
    domain, notes = quantized("lr", low, high, q)
    assert isinstance(domain, Interval)
    assert domain.step is not None
    count = round((domain.high - domain.low) / domain.step) + 1
    assert {round(domain.low + k * domain.step, 9) for k in range(count)} == drawn
    assert bool(notes) == ((domain.low, domain.high) != (low, high))


def test_one_multiple_is_one_value() -> None:
    assert quantized("lr", 0.95, 1.04, 0.5) == (Fixed(1), ["rounded to multiples of 0.5: from 1 to 1"])
    assert quantized("lr", 3, 3, 1) == (Fixed(3), [])


def test_integers_are_whole_and_fractions_are_not() -> None:
    whole, _ = quantized("batch", 32, 256, 8, log=True)
    assert whole == Interval(32, 256, log=True, step=8, whole=True)
    fractions, _ = quantized("dropout", 0.0, 0.5, 0.1)
    assert fractions == Interval(0, 0.5, step=0.1, whole=False)


def test_a_logarithmic_range_whose_first_multiple_is_0_is_even() -> None:
    domain, notes = quantized("lr", 0.01, 1.0, 0.1, log=True)
    assert domain == Interval(0, 1, log=False, step=0.1)
    assert "cannot begin at 0" in notes[-1]


def test_two_deviations_hold_95_percent_of_the_draws() -> None:
    draw = random.Random(3)
    for log in (False, True):
        domain, notes = normal("lr", 1.0, 0.25, log=log)
        assert isinstance(domain, Interval)
        assert domain.log is log
        values = [draw.gauss(1.0, 0.25) for _ in range(20_000)]
        inside = sum(domain.low <= (math.exp(v) if log else v) <= domain.high for v in values) / len(values)
        assert inside == pytest.approx(0.9545, abs=0.01)
        assert "mean 1 and deviation 0.25" in notes[0]


def test_a_normal_distribution_is_cut_off_at_0() -> None:
    domain, notes = normal("dropout", 0.2, 0.2)
    assert domain == Interval(0.0, 0.6)
    assert notes[-1] == "cut off at 0"


@pytest.mark.parametrize("wrong", [lambda: quantized("a", 0, 1, 0), lambda: normal("a", 0, 0)])
def test_a_step_or_deviation_of_0_is_refused(wrong) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TranslationError, match=r"a must have (q|a deviation) above 0, got 0"):
        wrong()
