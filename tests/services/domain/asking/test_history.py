"""The history of a search: whatever it was put together from, it is what the last results make it."""

from __future__ import annotations

import math

import pytest

from services.domain.asking.history import History
from services.domain.asking.observations import AskedPoint, Observations, PointResult

POINTS = [AskedPoint({}, {"x": index}, str(index)) for index in range(9)]


def result(index: int, value: float | None = None, **at_rungs: float) -> PointResult:
    """`r1` is the value at the rung after one epoch."""
    rungs = {int(name[1:]): each for name, each in at_rungs.items()}
    return PointResult(POINTS[index], value, value is None, rungs)


def seen(history: History, enough: int = 2) -> Observations:
    return history.seen(enough).all()


def test_points_and_keys_are_the_sweep_s_own() -> None:
    history = History([result(3), result(4, 0.5)], elsewhere=[result(0, 0.25)])
    assert (len(history), sorted(history.keys)) == (2, ["3", "4"])
    assert history.point(0) == POINTS[3]
    assert seen(history) == Observations([{"x": 0}, {"x": 4}], [0.25, 0.5], [{"x": 3}])


def test_results_after_different_numbers_of_epochs_do_not_mix() -> None:
    history = History([result(0, 0.1, r1=0.6), result(1, r1=0.7, r3=0.3), result(2, r1=0.8), result(3)])
    assert seen(history) == Observations([{"x": 0}, {"x": 1}, {"x": 2}], [0.6, 0.7, 0.8], [{"x": 3}])
    history.put(2, result(2, r1=0.8, r3=0.4))
    assert seen(history) == Observations([{"x": 1}, {"x": 2}], [0.3, 0.4], [{"x": 3}])
    history.put(1, result(1, 0.2, r1=0.7, r3=0.3))
    assert seen(history) == Observations([{"x": 0}, {"x": 1}], [0.1, 0.2], [{"x": 2}, {"x": 3}])


@pytest.mark.parametrize("early", [True, False])
def test_a_point_that_failed_is_the_worst_after_any_number_of_epochs(early: bool) -> None:
    failed, others = result(0, math.inf), [result(1, r1=0.5), result(2, r1=0.25)]
    history = History([failed] if early else [result(0, r1=0.9)])
    for index, each in enumerate(others, 1):
        history.put(index, each)
    if not early:
        history.put(0, failed)
    assert seen(history) == Observations([{"x": 0}, {"x": 1}, {"x": 2}], [0.5, 0.5, 0.25], [])
    assert seen(history, enough=3).values == [0.5, 0.5, 0.25], "two of them are numbers"
    history.put(0, result(0))
    assert seen(history) == Observations([{"x": 1}, {"x": 2}], [0.5, 0.25], [{"x": 0}])


def test_what_has_ended_without_a_result_is_not_being_tried() -> None:
    history = History([result(0, 0.5), result(1)])
    history.put(1, PointResult(POINTS[1]))
    assert seen(history) == Observations([{"x": 0}], [0.5], [])
