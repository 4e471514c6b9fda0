"""services/domain/results/main_effects.py against NumPy's least squares and SciPy's distribution."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from services.domain.results.axis_levels import AxisLevels
from services.domain.results.main_effects import MainEffects

Levels = Sequence[int | None]


def axis(at: Levels) -> AxisLevels:
    levels = 1 + max(level for level in at if level is not None)
    return AxisLevels("path", "name", [str(level) for level in range(levels)], at)


def oracle(
    axes: Sequence[Levels], values: NDArray[np.float64]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Effects and half intervals from one indicator column for each level, with the sums of effects at 0.

    The constraints Σ n_v e(v) = 0 are rows of great weight; covariance is that of the constrained estimate.
    """
    columns, blocks = [np.ones(len(values))], []
    for at in axes:
        levels = range(1 + max(level for level in at if level is not None))
        blocks.append(range(len(columns), len(columns) + len(levels)))
        columns += [np.array([float(each == level) for each in at]) for level in levels]
    design = np.column_stack(columns)
    constraints = np.zeros((len(axes), design.shape[1]))
    for row, block in enumerate(blocks):
        constraints[row, list(block)] = design[:, list(block)].sum(axis=0)
    # Karush–Kuhn–Tucker: the constrained minimum, and the block of the inverse that is its covariance.
    size, bound = design.shape[1], len(axes)
    matrix = np.block([[design.T @ design, constraints.T], [constraints, np.zeros((bound, bound))]])
    inverse = np.linalg.inv(matrix)[:size, :size]
    found = inverse @ (design.T @ values)
    residuals = values - design @ found
    df = len(values) - (size - bound)
    half = stats.t.ppf(0.975, df) * np.sqrt(residuals @ residuals / df * np.diag(inverse))
    return [(found[list(block)], half[list(block)]) for block in blocks]


GRID = list(zip(*itertools.product(range(3), range(2), range(4)), strict=True))
NESTED = [(0, 0, 1, 1, 1, 1), (None, None, 0, 0, 1, 1)]  # the second axis only where the first is at 1
RANDOM = np.random.default_rng(4).integers(0, [[3], [4]], (2, 40)).tolist()
HOLES = [*RANDOM, [None if place % 3 else place % 2 for place in range(40)]]


@pytest.mark.parametrize(
    ("axes", "orthogonal"), [(GRID, True), (NESTED, True), (RANDOM, False), (HOLES, False)],
    ids=["grid", "nested", "random", "conditional"],
)  # fmt: skip
def test_effects_and_intervals_are_those_of_constrained_least_squares(
    axes: Sequence[Levels], orthogonal: bool
) -> None:
    values = np.random.default_rng(1).normal(0.8, 0.05, len(axes[0]))
    fit = MainEffects([axis(at) for at in axes])
    assert fit.orthogonal is orthogonal
    for found, (effects, halves) in zip(fit.fit(values.tolist()), oracle(axes, values), strict=True):
        assert [each.effect for each in found] == pytest.approx(effects.tolist(), abs=1e-12)
        assert [each.half for each in found] == pytest.approx(halves.tolist(), rel=1e-9)
    assert fit.df == len(values) - 1 - sum(len(axis(at).texts) - 1 for at in axes)


def test_in_a_grid_an_effect_is_a_marginal_mean_less_the_grand_mean() -> None:
    values = np.random.default_rng(2).normal(size=24)
    for at, found in zip(GRID, MainEffects([axis(at) for at in GRID]).effects(values.tolist()), strict=True):
        marginal = [values[np.array(at) == level].mean() - values.mean() for level in range(max(at) + 1)]
        assert found == pytest.approx(marginal)


def test_an_unbalanced_fit_separates_what_plain_means_confuse() -> None:
    """A hand-made case: y = 10 a + b without noise, and most points have a and b both at 0 or both at 1."""
    a, b = [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 0, 1, 1, 1]
    values = [10.0 * one + other for one, other in zip(a, b, strict=True)]
    first, second = MainEffects([axis(a), axis(b)]).fit(values)
    assert [each.effect for each in first] == pytest.approx([-5.0, 5.0])
    assert [each.effect for each in second] == pytest.approx([-0.5, 0.5])
    assert {each.half for each in (*first, *second)} == {None}  # the model explains everything
    assert MainEffects([axis(b)]).effects(values)[0] == pytest.approx([-3.0, 3.0])


def test_one_point_of_each_level_leaves_nothing_to_judge_by() -> None:
    [found] = MainEffects([axis([0, 1, 2])]).fit([1.0, 2.0, 6.0])
    assert [each.effect for each in found] == pytest.approx([-2, -1, 3])
    assert [each.half for each in found] == [None] * 3


@pytest.mark.parametrize("second", [[0, 1, 0, 1], [1, 0, 1, 0]])
def test_axes_that_change_together_are_refused(second: Levels) -> None:
    with pytest.raises(ValueError, match="do not separate"):
        MainEffects([axis([0, 1, 0, 1]), axis(second)])


def test_95_of_100_intervals_hold_the_effect() -> None:
    random, hits = np.random.default_rng(3), 0
    fit = MainEffects([axis(at) for at in RANDOM])
    truth = np.array(fit.effects((0.3 * np.array(RANDOM[0])).tolist())[0])
    for _ in range(250):
        values = 0.3 * np.array(RANDOM[0]) + random.normal(0, 0.2, 40)
        for each, true in zip(fit.fit(values.tolist())[0], truth, strict=True):
            assert each.half is not None
            hits += abs(each.effect - true) <= each.half
    assert hits / 750 == pytest.approx(0.95, abs=0.02)
    assert math.isclose(truth @ np.bincount(RANDOM[0]), 0, abs_tol=1e-9)
