"""Means, intervals and comparisons over replicates, against published tables and in every odd case."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from services.domain.results.intervals import Estimate, Side, compare, estimate, interval, t_quantile

# Two-sided 95 %: Student's t as tabulated, e.g. NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2,
# with more digits from Abramowitz and Stegun 26.10.
TABLE = {
    1: 12.70620,
    2: 4.30265,
    3: 3.18245,
    4: 2.77645,
    5: 2.57058,
    6: 2.44691,
    9: 2.26216,
    10: 2.22814,
    19: 2.09302,
    29: 2.04523,
    60: 2.00030,
    99: 1.98422,
    120: 1.97993,
}


@pytest.mark.parametrize("df", TABLE)
def test_quantiles_as_published(df: int) -> None:
    assert t_quantile(df) == pytest.approx(TABLE[df], abs=6e-6)


@pytest.mark.parametrize(("df", "t"), [(1, 63.65674), (4, 4.60409), (10, 3.16927), (120, 2.61742)])
def test_quantiles_at_another_confidence(df: int, t: float) -> None:
    assert t_quantile(df, 0.99) == pytest.approx(t, abs=6e-6)


def test_quantiles_as_scipy_has_them() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    for df in range(1, 101):
        assert t_quantile(df) == pytest.approx(scipy_stats.t.ppf(0.975, df), rel=1e-12)


def test_an_estimate_by_hand() -> None:
    # 0.90, 0.91, 0.95: mean 0.92, deviations −0.02, −0.01, 0.03, sd √(0.0014 / 2), half 4.30265 · sd / √3.
    found = estimate([0.90, 0.91, 0.95], seeds=3)
    sd = math.sqrt(0.0007)
    assert found.mean == pytest.approx(0.92)
    assert found.sd == pytest.approx(sd)
    assert found.low == pytest.approx(0.92 - 4.302653 * sd / math.sqrt(3), abs=1e-8)
    assert found.high == pytest.approx(0.92 + 4.302653 * sd / math.sqrt(3), abs=1e-8)
    assert (found.n, found.note) == (3, None)


def test_two_values_have_a_wide_interval() -> None:
    # Half the distance times 12.7062.
    assert interval([0.90, 0.92]) == pytest.approx((0.91 - 0.127062, 0.91 + 0.127062))


def test_95_of_100_intervals_hold_the_truth() -> None:
    rng = random.Random(7)
    hits = 0
    for _ in range(2000):
        low, high = interval([rng.gauss(3.0, 2.0) for _ in range(5)]) or (0.0, 0.0)
        hits += low <= 3.0 <= high
    assert hits / 2000 == pytest.approx(0.95, abs=0.015)


def test_one_seed_has_no_interval_and_says_so() -> None:
    found = estimate([0.9], seeds=1)
    assert (found.mean, found.low, found.high, found.sd, found.n) == (0.9, None, None, None, 1)
    assert found.note == "one seed: no interval"


@pytest.mark.parametrize(
    ("values", "seeds", "failed", "n", "note"),
    [
        ([], 1, 0, 0, "no value yet"),
        ([None], 1, 1, 0, "no value: the trial failed"),
        ([None, None], 2, 2, 0, "no value: all 2 trials failed"),
        ([None, 0.5], 1, 1, 1, "one seed: no interval; its trial failed"),
        ([0.5, None, None], 3, 0, 1, "1 of 3 seeds has a value: no interval"),
        ([0.5, 0.6, math.nan], 3, 1, 2, "2 of 3 seeds have a value; 1 of 3 trials failed"),
        ([0.5, 0.6, math.inf], 3, 0, 2, "2 of 3 seeds have a value"),
        ([0.5, 0.5, 0.5], 3, 0, 3, "all 3 seeds gave the same value"),
        ([0.5, 0.6, 0.7], 3, 1, 3, "1 of 3 trials failed"),
    ],
)
def test_what_is_missing_is_left_out_and_said(
    values: list[float | None], seeds: int, failed: int, n: int, note: str
) -> None:
    found = estimate(values, seeds, failed)
    assert (found.n, found.note) == (n, note)
    assert (found.low is None) == (n < 2)


def test_equal_values_have_an_interval_without_width() -> None:
    found = estimate([0.1] * 3, seeds=3)
    assert (found.mean, found.low, found.high, found.sd) == (0.1, 0.1, 0.1, 0.0)


def test_no_size_of_a_value_breaks_the_arithmetic() -> None:
    found = estimate([1e149, -1e149, 1e308], seeds=3)
    assert found.n == 2
    assert found.high is not None
    assert math.isfinite(found.high)
    told = compare(side(0, 1e149, -1e149), side(1, 1e-149, 3.0), "minimize", 2)
    assert told.high is not None
    assert math.isfinite(told.high)
    assert len(told.words) < 200


def side(point: int, *values: float | None) -> Side:
    return Side(point=point, values=dict(enumerate(values)))


def test_a_comparison_is_paired() -> None:
    """What replicates share drops out: the means' own intervals overlap widely, the difference is clear."""
    best = side(3, 0.80, 0.90, 0.70, 0.85, 0.75)
    next_ = side(8, 0.79, 0.88, 0.69, 0.83, 0.74)
    found = compare(best, next_, "maximize", 5)
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
    found = compare(side(0, 0.93, 0.91, 0.90), side(1, 0.91, 0.915, 0.90), "maximize", 3)
    assert found.differs is False
    assert found.words == (
        "the best (0.913) and the runner-up (0.908) cannot be told apart: "
        "difference 0.005, 95 % interval −0.028 to 0.038 over 3 seeds"
    )


def test_a_smaller_loss_is_better() -> None:
    found = compare(side(0, 0.20, 0.22, 0.21), side(1, 0.30, 0.31, 0.32), "minimize", 3)
    assert found.difference == pytest.approx(0.1)
    assert found.differs is True


def test_one_seed_cannot_tell() -> None:
    found = compare(side(0, 0.9), side(1, 0.8), "maximize", 1)
    assert (found.n, found.low, found.high, found.differs) == (1, None, None, None)
    assert found.difference == pytest.approx(0.1)
    assert found.words == (
        "one seed: no interval, so whether the best differs from the runner-up cannot be said"
    )


def test_only_common_replicates_are_compared() -> None:
    found = compare(side(0, 0.9, None, 0.8, 0.7), side(1, 0.8, 0.1, math.nan, 0.5), "maximize", 4)
    assert found.n == 2
    assert found.difference == pytest.approx(0.15)
    found = compare(side(0, 0.9, None), side(1, 0.8, 0.7), "maximize", 2)
    assert found.words.startswith("one common seed so far: no interval")
    found = compare(side(0, 0.9, None), side(1, None, 0.7), "maximize", 2)
    assert (found.n, found.difference, found.differs) == (0, None, None)
    assert "no seed in common" in found.words


def test_identical_points_do_not_differ() -> None:
    found = compare(side(0, 0.9, 0.8), side(1, 0.9, 0.8), "maximize", 2)
    assert (found.difference, found.low, found.high, found.differs) == (0.0, 0.0, 0.0, False)
    assert found.words == "the best and the runner-up have the same value on each of 2 seeds"


def test_one_and_the_same_difference_proves_nothing() -> None:
    """0.9 − 0.8 and 0.8 − 0.7 differ by rounding only: the interval would have no width."""
    found = compare(side(0, 0.9, 0.8), side(1, 0.8, 0.7), "maximize", 2)
    assert found.difference == pytest.approx(0.1)
    assert (found.low, found.high, found.differs) == (None, None, None)
    assert found.words.startswith("the best is ahead by 0.10 on each of 2 seeds: without any spread")


def test_the_best_may_be_behind_on_common_seeds() -> None:
    found = compare(side(0, 0.5, 0.6, 0.99), side(1, 0.6, 0.71, None), "maximize", 3)
    assert found.difference == pytest.approx(-0.105)
    found = compare(side(0, 0.50, 0.601, 0.70, 0.99), side(1, 0.60, 0.70, 0.80, None), "maximize", 4)
    assert found.differs is True
    assert "is worse on the common seeds than" in found.words
    found = compare(side(0, 0.5, 0.6, 0.99), side(1, 0.6, 0.7, None), "maximize", 3)
    assert found.words.startswith("the best is behind by 0.10 on each of 2 common seeds")


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (0.85213, 0.0114, "0.852 ± 0.011"),
        (0.8521, 0.0, "0.8521 ± 0"),
        (0.9, None, "0.9000"),
        (12.3456, 10.0, "12 ± 10"),
        (-0.25, 0.1, "−0.25 ± 0.10"),
        (0.00001234, None, "1.234e−05"),
        (None, None, None),
    ],
)
def test_a_mean_has_as_many_decimals_as_its_interval_bears(
    mean: float | None, half: float | None, text: str | None
) -> None:
    low, high = (None, None) if mean is None or half is None else (mean - half, mean + half)
    assert Estimate(mean=mean, low=low, high=high, sd=None, n=3, note=None).text == text
