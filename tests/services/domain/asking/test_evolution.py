"""CMA-ES: it moves towards the better points, learns which axes matter, and takes any points."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from services.domain.asking.evolution import MAX_SIGMA, Evolution
from services.domain.random_numbers import unit


def normal(*key: int) -> float:
    return math.sqrt(-2 * math.log(unit(0, *key))) * math.cos(2 * math.pi * unit(1, *key))


def after(evolution: Evolution, cost: Callable[[list[float]], float], updates: int) -> Evolution:
    n = len(evolution.mean)
    for update in range(updates):
        points = [
            evolution.sample([normal(update, index, each) for each in range(n)])
            for index in range(evolution.population)
        ]
        evolution.update(sorted(points, key=cost))
    return evolution


def test_constants_are_those_of_the_tutorial() -> None:
    evolution = Evolution(10)
    assert evolution.population == 10
    assert sum(evolution.weights) == pytest.approx(1)
    assert evolution.weights == sorted(evolution.weights, reverse=True)
    assert 1 / sum(weight**2 for weight in evolution.weights) == pytest.approx(3.167, abs=1e-3)


@pytest.mark.parametrize("n", [1, 2, 8])
def test_it_converges_on_a_sphere(n: int) -> None:
    found = after(Evolution(n), lambda x: sum((each - 0.2) ** 2 for each in x), 60 + 25 * n)
    assert max(abs(each - 0.2) for each in found.mean) < 1e-4
    assert found.sigma < 1e-3


def test_it_learns_that_one_axis_is_steeper_and_that_two_go_together() -> None:
    def cost(x: list[float]) -> float:
        a, b, c = x[0] - 0.5, x[1] - 0.5, x[2] - 0.5
        return (100 * a) ** 2 + (b + c) ** 2 + (0.02 * (b - c)) ** 2

    found = after(Evolution(3), cost, 40)
    assert found.deviation(0) < found.deviation(1) / 10
    covariance = sum(map(float.__mul__, found.factor[1], found.factor[2]))
    assert covariance < 0


def test_points_that_it_has_not_drawn_move_it_only_so_far() -> None:
    evolution = Evolution(2)
    evolution.update([[50.0, 0.5]] * evolution.population)
    assert evolution.mean[0] == pytest.approx(0.5 + 0.3 * (math.sqrt(2) + 1))
    assert evolution.mean[1] == pytest.approx(0.5)
    assert evolution.sigma <= MAX_SIGMA


def test_it_does_not_break_on_the_same_point_again_and_again() -> None:
    evolution = Evolution(3)
    for _ in range(200):
        evolution.update([[0.5, 0.5, 0.5]] * evolution.population)
    assert all(math.isfinite(each) for each in [*evolution.mean, *evolution.sample([1.0, -1.0, 2.0])])
