"""The best point against the runner-up: paired, and careful where there is little to go by."""

from __future__ import annotations

import math
import statistics

import pytest

from services.domain.plan.repeats import Repeats
from services.domain.results.comparison import Side, compare


def side(point: int, *values: float | None) -> Side:
    return Side(point=point, values=dict(enumerate(values)))


def test_a_comparison_is_paired() -> None:
    """What replicates share drops out: the means' own intervals overlap widely, the difference is clear."""
    best = side(3, 0.80, 0.90, 0.70, 0.85, 0.75)
    next_ = side(8, 0.79, 0.88, 0.69, 0.83, 0.74)
    found = compare(best, next_, "maximize", Repeats(5))
    differences = [0.01, 0.02, 0.01, 0.02, 0.01]
    half = 2.776445 * statistics.stdev(differences) / math.sqrt(5)
    assert (found.best, found.runner_up, found.n, found.differs) == (3, 8, 5, True)
    assert found.difference == pytest.approx(0.014)
    assert found.low == pytest.approx(0.014 - half)
    assert found.high == pytest.approx(0.014 + half)
    assert found.words == (
        "the best (0.8000) is better than the runner-up (0.7860): "
        "difference 0.0140, 95 % interval 0.0072 to 0.0208 over 5 seeds"
    )


def test_an_interval_forbids_what_one_seed_suggested() -> None:
    found = compare(side(0, 0.93, 0.91, 0.90), side(1, 0.91, 0.915, 0.90), "maximize", Repeats(3))
    assert found.differs is False
    assert found.words == (
        "the best (0.913) and the runner-up (0.908) cannot be told apart: "
        "difference 0.005, 95 % interval −0.028 to 0.038 over 3 seeds"
    )


def test_a_smaller_loss_is_better() -> None:
    found = compare(side(0, 0.20, 0.22, 0.21), side(1, 0.30, 0.31, 0.32), "minimize", Repeats(3))
    assert found.difference == pytest.approx(0.1)
    assert found.differs is True


def test_one_seed_cannot_tell() -> None:
    found = compare(side(0, 0.9), side(1, 0.8), "maximize", Repeats(1))
    assert (found.n, found.low, found.high, found.differs) == (1, None, None, None)
    assert found.difference == pytest.approx(0.1)
    assert found.words == (
        "one seed: no interval, so whether the best differs from the runner-up is not known"
    )


def test_only_common_replicates_are_compared() -> None:
    found = compare(side(0, 0.9, None, 0.8, 0.7), side(1, 0.8, 0.1, math.nan, 0.5), "maximize", Repeats(4))
    assert found.n == 2
    assert found.difference == pytest.approx(0.15)
    found = compare(side(0, 0.9, None), side(1, 0.8, 0.7), "maximize", Repeats(2))
    assert found.words.startswith("one common seed so far: no interval")
    found = compare(side(0, 0.9, None), side(1, None, 0.7), "maximize", Repeats(2))
    assert (found.n, found.difference, found.differs) == (0, None, None)
    assert "no seed in common" in found.words


def test_identical_points_do_not_differ() -> None:
    found = compare(side(0, 0.9, 0.8), side(1, 0.9, 0.8), "maximize", Repeats(2))
    assert (found.difference, found.low, found.high, found.differs) == (0.0, 0.0, 0.0, False)
    assert found.words == "the best and the runner-up have the same value on each of 2 seeds"


def test_one_and_the_same_difference_proves_nothing() -> None:
    """0.9 − 0.8 and 0.8 − 0.7 differ by rounding only: the interval would have no width."""
    found = compare(side(0, 0.9, 0.8), side(1, 0.8, 0.7), "maximize", Repeats(2))
    assert found.difference == pytest.approx(0.1)
    assert (found.low, found.high, found.differs) == (None, None, None)
    assert found.words.startswith("the best is ahead by 0.10 on each of 2 seeds: without any spread")


def test_the_best_may_be_behind_on_common_seeds() -> None:
    found = compare(side(0, 0.5, 0.6, 0.99), side(1, 0.6, 0.71, None), "maximize", Repeats(3))
    assert found.difference == pytest.approx(-0.105)
    found = compare(side(0, 0.50, 0.601, 0.70, 0.99), side(1, 0.60, 0.70, 0.80, None), "maximize", Repeats(4))
    assert found.differs is True
    assert "is worse on the common seeds than" in found.words
    found = compare(side(0, 0.5, 0.6, 0.99), side(1, 0.6, 0.7, None), "maximize", Repeats(3))
    assert found.words.startswith("the best is behind by 0.10 on each of 2 common seeds")


def test_no_size_of_a_value_breaks_the_arithmetic() -> None:
    found = compare(side(0, 1e149, -1e149), side(1, 1e-149, 3.0), "minimize", Repeats(2))
    assert found.high is not None
    assert math.isfinite(found.high)
    assert len(found.words) < 200
