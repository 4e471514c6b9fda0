"""Summaries of repeats: regret, pairs with the grid, the goal, and both sides beside one another."""

from __future__ import annotations

import pytest
from made_up_curves import made_up

from benchmarks.search_study.replayed_sweep import Replayed
from benchmarks.search_study.summary import rivals, summarize

METHODS = {
    "grid": [Replayed(81, 8), Replayed(81, 7), Replayed(81, 8)],
    "halving-3": [Replayed(20, 8), Replayed(20, 8), Replayed(17, 8)],
    "tpe-20": [Replayed(40, 6), Replayed(40, 6), Replayed(40, 6)],
    "ray-asha-3": [Replayed(30, 7), Replayed(30, 7), Replayed(30, 7)],
    "optuna-20": [Replayed(10, 8), Replayed(10, 0), Replayed(10, 0)],
}


def test_methods_are_ordered_by_epochs_and_compared_with_the_grid_in_pairs() -> None:
    found = {each.name: each for each in summarize(made_up(), METHODS)}
    assert list(found) == ["optuna-20", "halving-3", "ray-asha-3", "tpe-20", "grid"]
    halving, grid = found["halving-3"], found["grid"]
    assert (halving.epochs, halving.regret.mean, halving.equal) == (19 / 81, 0, 3)
    assert grid.regret.mean == pytest.approx(0.01 / 3)
    assert grid.regret.low < 0 < grid.regret.high
    assert halving.behind_grid.mean == pytest.approx(-0.01 / 3)
    assert grid.behind_grid.low == grid.behind_grid.high == 0
    assert found["tpe-20"].regret.low == pytest.approx(found["tpe-20"].regret.high) == pytest.approx(0.02)


def test_the_goal_needs_few_epochs_and_equal_points_in_almost_all_repeats() -> None:
    many = {
        "grid": [Replayed(81, 8)] * 20,
        "halving-3": [Replayed(20, 8)] * 19 + [Replayed(20, 0)],
        "halving-4": [Replayed(20, 8)] * 18 + [Replayed(20, 0)] * 2,
        "median": [Replayed(21, 8)] * 20,
    }
    assert {each.name for each in summarize(made_up(), many) if each.meets_goal} == {"halving-3"}


def test_each_side_stands_beside_the_others_best_with_no_more_epochs() -> None:
    theirs = {each.of.name: each for each in rivals(made_up(), METHODS, ours=False)}
    assert {name: each.beside.name for name, each in theirs.items()} == {"ray-asha-3": "halving-3"}
    assert theirs["ray-asha-3"].ahead.mean == pytest.approx(-0.01)
    assert theirs["ray-asha-3"].verdict == "worse"
    ours = {each.of.name: each for each in rivals(made_up(), METHODS, ours=True)}
    assert {name: each.beside.name for name, each in ours.items()} == {
        "halving-3": "optuna-20",
        "tpe-20": "ray-asha-3",
    }
    assert ours["halving-3"].verdict == "no difference shown"
    better = METHODS | {"tpe-20": [Replayed(40, 8), Replayed(40, 8), Replayed(40, 8)]}
    found = {each.of.name: each for each in rivals(made_up(), better, ours=True)}
    assert found["tpe-20"].verdict == "better"
