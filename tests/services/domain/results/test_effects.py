"""services/domain/results/effects.py: which fit, which interval, and what is said of it."""

from __future__ import annotations

import itertools
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from scipy import stats

from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.plan.point_label import PointLabels
from services.domain.results.compared import ComparedPoint, ComparedPoints, LeftOutTrials
from services.domain.results.effects import AxisEffects, Effects, LevelEffect, effects
from services.domain.spec.objective import Objective

LR, L2 = [0.1, 0.01], [0.0, 1e-4, 1e-3]


def listed(path: str, values: list[Any]) -> ListedAxis:
    return ListedAxis(name=path, path=path, row=True, values=values, written=values)


def of(axes: list[Axis], rows: Sequence[tuple[Mapping[str, Any], tuple[float, ...]]]) -> Effects:
    points = [ComparedPoint(number, *row) for number, row in enumerate(rows)]
    compared = ComparedPoints(points, len(rows[0][1]), LeftOutTrials(pruned=2))
    return effects(axes, PointLabels(axes), compared, Objective())


def grid(value: Callable[[float, float, int], float], seeds: int) -> Effects:
    rows = [
        ({"lr": lr, "l2": l2}, tuple(value(lr, l2, seed) for seed in range(seeds)))
        for lr, l2 in itertools.product(LR, L2)
    ]
    return of([listed("lr", LR), listed("l2", L2)], rows)


def test_effects_of_a_grid_are_paired_by_seed() -> None:
    """What a seed adds to every point drops out; what it adds to the effect of the rate is the interval."""
    luck = [0.3, -0.2, 0.05]
    tilt = [0.010, 0.012, 0.017]
    found = grid(lambda lr, l2, seed: 0.8 + luck[seed] + tilt[seed] * (1 if lr == 0.1 else -1), seeds=3)
    assert (found.points, found.trials, found.repeats.trials, found.method, found.intervals) == (
        6, 18, 3, "together", "seeds",
    )  # fmt: skip
    rate, decay = found.axes
    high, low = rate.levels
    half = stats.t.ppf(0.975, 2) * statistics.stdev(tilt) / 3**0.5
    assert (high.text, high.n, high.effect) == ("0.1", 3, pytest.approx(0.013))
    assert (high.low, high.high) == (pytest.approx(0.013 - half), pytest.approx(0.013 + half))
    assert low.effect == pytest.approx(-0.013)
    assert high.shown == "+0.0130 ± 0.0090"
    assert low.shown == "−0.0130 ± 0.0090"
    assert high.mean == pytest.approx(0.85 + 0.013)
    assert [each.effect for each in decay.levels] == pytest.approx([0, 0, 0], abs=1e-12)
    assert found.words == "means over the other axes; 95 % intervals over 3 seeds, paired by seed"
    assert found.left_out.pruned == 2
    assert found.importance_words == "no importance: it needs 10 compared points, got 6"


def test_seeds_that_agree_to_the_last_digit_give_no_interval() -> None:
    found = grid(lambda lr, l2, seed: 0.5 + 0.25 * (lr == 0.1), seeds=2)
    assert [each.shown for each in found.axes[0].levels] == ["+0.1250", "−0.1250"]
    assert found.words.endswith("; no intervals, because nothing is repeated")


def test_one_seed_is_judged_by_what_is_not_additive() -> None:
    odd = {(0.1, 0.0): 0.03}
    found = grid(lambda lr, l2, seed: 0.8 + odd.get((lr, l2), 0.0) + 0.1 * (lr == 0.1), seeds=1)
    assert (found.method, found.intervals) == ("together", "points")
    high = found.axes[0].levels[0]
    # Residuals of the interaction: 0.03 · (2/6, −1/6, −1/6; −2/6, 1/6, 1/6) with 6 − 1 − 1 − 2 = 2 degrees.
    spread = 0.03 * (12 / 36 / 2) ** 0.5
    half = stats.t.ppf(0.975, 2) * spread * (1 / 6) ** 0.5  # of a mean of 3 less that of 6
    assert high.effect == pytest.approx(0.05 + 0.005)
    assert high.high is not None
    assert high.high - 0.055 == pytest.approx(half)
    assert "what the sum of effects does not explain" in found.words


@pytest.mark.parametrize(("missing", "method"), [(1, "together"), (2, "together"), (3, "alone")])
def test_a_grid_with_missing_points_is_judged_over_points_even_with_seeds(missing: int, method: str) -> None:
    """Seven numbers are fitted to sixteen points less the missing ones: at least fourteen are needed."""
    chance = random.Random(1)
    rows = [
        ({"a": a, "b": b}, (a + b + chance.gauss(0, 0.1), a + b + chance.gauss(0, 0.1)))
        for a, b in itertools.product(range(4), range(4))
        if a < 3 or b < 4 - missing
    ]
    found = of([listed("a", list(range(4))), listed("b", list(range(4)))], rows)
    assert (found.method, found.intervals, found.points) == (method, "points", 16 - missing)
    if missing == 1:
        assert [round(each.effect or 0) for each in found.axes[0].levels] == [-1, 0, 1, 2]


def test_zipped_axes_have_the_same_effects_and_name_each_other() -> None:
    rows = [
        ({"lr": lr, "batch": batch, "l2": l2}, (0.5 + lr + 10 * l2, 0.6 + lr + 11 * l2))
        for (lr, batch), l2 in itertools.product([(0.1, 32), (0.01, 256)], [0.0, 0.01])
    ]
    found = of([listed("lr", LR), listed("batch", [32, 256]), listed("l2", [0.0, 0.01])], rows)
    rate, batch, decay = found.axes
    assert (rate.together, batch.together, decay.together) == (["batch"], ["lr"], [])
    assert [each.effect for each in rate.levels] == pytest.approx([0.045, -0.045])
    assert [each.effect for each in batch.levels] == [each.effect for each in rate.levels]
    assert found.intervals == "seeds"  # without one of the two it is a full grid


def test_a_conditional_axis_is_compared_where_it_has_a_value() -> None:
    sgd, adam = {"name": "sgd"}, {"name": "adam"}
    rows: list[tuple[Mapping[str, Any], tuple[float, ...]]] = [({"opt": sgd}, (0.2, 0.3))]
    rows += [({"opt": adam, "opt.beta": beta}, (0.5 + beta, 0.7 + beta)) for beta in (0.8, 0.9)]
    found = of([listed("opt", [sgd, adam]), listed("opt.beta", [0.8, 0.9])], rows)
    optimizer, beta = found.axes
    assert [each.effect for each in optimizer.levels] == pytest.approx([0.25 - 3.15 / 3, 1.45 - 3.15 / 3])
    assert [each.effect for each in beta.levels] == pytest.approx([-0.05, 0.05])
    assert beta.inactive == LevelEffect("none", 1, 0.25)
    assert optimizer.inactive is None


def random_search(points: int, axes: int, seeds: int = 1) -> Effects:
    chance = random.Random(points)
    ranges: list[Axis] = [
        RangeAxis(name=f"x{place}", path=f"x{place}", row=True, low=0, high=1) for place in range(axes)
    ]
    rows = []
    for _ in range(points):
        values = {axis.path: chance.random() for axis in ranges}
        rows.append((values, tuple(values["x0"] + chance.gauss(0, 0.1) for _ in range(seeds))))
    return of(ranges, rows)


def test_ranges_are_binned_and_judged_over_points_even_with_seeds() -> None:
    found = random_search(150, axes=3, seeds=2)
    assert (found.method, found.intervals) == ("together", "points")
    first, *others = found.axes
    assert first.binned
    assert [each.n for each in first.levels] == [37, 38, 37, 38]
    assert [round(each.effect or 0, 1) for each in first.levels] == [-0.4, -0.2, 0.1, 0.4]
    assert all(each.low is not None and each.low < each.effect < each.high for each in first.levels)  # type: ignore[operator]
    shares = [axis.importance.share for axis in found.axes if axis.importance]
    assert len(shares) == 3
    assert shares[0] > 0.8
    assert found.importance_words == (
        "importance: what decides whether a point is among the best 15 of 150 (300 trials); "
        "by PED-ANOVA, with 95 % bootstrap intervals"
    )
    assert others[0].levels[0].low is not None


def test_a_single_range_is_judged_over_points_too() -> None:
    assert random_search(20, axes=1, seeds=3).intervals == "points"
    assert random_search(20, axes=1).importance_words.startswith("no importance: one axis")


def test_few_points_of_many_axes_are_compared_axis_by_axis() -> None:
    found = random_search(12, axes=5)
    assert (found.method, found.intervals) == ("alone", "points")
    for axis in found.axes:
        for level in axis.levels:
            assert level.effect == pytest.approx(level.mean - found.mean)
    assert "12 points are too few to separate 5 axes" in found.words


def test_an_axis_with_one_level_has_no_effect() -> None:
    rows = [({"lr": lr, "l2": 0.0}, (0.5 + lr,)) for lr in LR]
    rate, decay = of([listed("lr", LR), listed("l2", L2)], rows).axes
    assert [(each.text, each.n, each.effect, each.shown) for each in decay.levels] == [("0", 2, None, None)]
    assert isinstance(rate, AxisEffects)
    assert rate.levels[0].effect == pytest.approx(0.045)
    [only] = of([listed("lr", LR)], rows[:1]).axes
    assert [each.effect for each in only.levels] == [None]


def test_without_points_there_are_no_effects() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        effects([], PointLabels([]), ComparedPoints([], 0, LeftOutTrials()), Objective())
