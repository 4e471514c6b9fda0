"""Step 5: the order of points, and how many there may be."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec, refusals

from services.domain.errors import SpecError


def test_shape_axes_come_first_whatever_the_user_wrote_first() -> None:
    plan = paper_plan(paper_spec(space={"model.dropout": [0, 0.5], "model.depth": [2, 4]}))
    assert [axis.path for axis in plan.axes] == ["model.depth", "model.dropout"]
    assert [plan.shape_of(point) for point in range(4)] == [0, 0, 1, 1]
    assert [shape.key for shape in plan.shapes] == ["net-2", "net-4"]


def test_object_axes_come_before_numbers_so_that_equal_optimizers_are_neighbours() -> None:
    plan = paper_plan(paper_spec())
    names = [plan.config(point)["train"]["optimizer"]["name"] for point in range(4)]
    assert names == ["sgd", "sgd", "adam", "adam"]


def test_naming_max_trials_allows_a_large_space() -> None:
    spec = paper_spec(space={"model.dropout": [i / 200 for i in range(101)]}, max_trials=101)
    assert paper_plan(spec, limit=100).trials == 101


def test_many_points_of_a_space_that_constraints_leave_little_of_are_refused_at_once() -> None:
    spec = paper_spec(
        space={"model.dropout": {"uniform": [0, 1]}, "train.l2": {"uniform": [0, 1]}},
        constraints=["dropout < 0.005"],
        search="random",
        max_trials=100_000,
    )
    start = process_time()
    with pytest.raises(SpecError, match=r"about 0\.\d% of random points meet the constraints, so at most"):
        paper_plan(spec)
    assert process_time() - start < 2


def test_a_plan_of_a_space_that_can_be_listed_draws_nothing() -> None:
    spec = paper_spec(search="random", max_trials=3)
    assert not paper_plan(spec).space.drawn
    spec = paper_spec(search="random", max_trials=3, space={"model.dropout": {"uniform": [0, 1]}})
    assert paper_plan(spec).space.drawn


def test_a_shape_that_no_visited_point_has_is_left_out() -> None:
    spec = paper_spec(search="random", max_trials=2, space={"model.depth": [2, 3, 4, 5, 6, 7]})
    plan = paper_plan(spec)
    assert [shape.points for shape in plan.shapes] == [1, 1]


def test_more_architectures_than_a_sweep_may_have_are_refused() -> None:
    space = {"model.depth": {"int": [1, 8]}, "data.validation": [i / 100 for i in range(1, 40)]}
    [(pointer, detail)] = refusals(space=space)
    assert pointer == "/space"
    assert "312 distinct architectures; a sweep may have 200" in detail


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"constraints": ["dropout < 0"]}, "/constraints/0", "no point of the space meets it"),
        (
            {"limit": 100, "space": {"model.dropout": [i / 200 for i in range(101)]}},
            "/space",
            "max_trials: 101",
        ),
        ({"max_trials": 3}, "/max_trials", "4 points, but max_trials is 3"),
        ({"seeds": 30, "max_trials": 100}, "/max_trials", "with 30 seeds are 120 trials"),
        (
            {
                "search": "random",
                "max_trials": 4,
                "space": {"model.dropout": {"uniform": [0, 1]}},
                "constraints": ["dropout < 0.0000001"],
            },
            "/constraints/0",
            "fewer than one in 1000",
        ),
    ],
)
def test_a_space_of_no_point_or_too_many_is_refused(
    changes: dict[str, Any], pointer: str, detail: str
) -> None:
    [(found, words)] = refusals(**changes)
    assert found == pointer
    assert detail in words
