"""Points that a spec lists: tried first and once, completed at random, refused at their places."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.errors import SpecError
from services.domain.plan.drawn import Drawn
from services.domain.plan.plan import Plan

LISTED = {"model.depth": [2, 3], "model.dropout": [0, 0.1, 0.2], "train.optimizer": ["sgd", "adam"]}
OPEN = {"model.depth": [2, 3], "model.dropout": {"uniform": [0, 0.6]}}
GIVEN = [{"model.depth": 3, "dropout": 0.2, "optimizer": "adam"}, {"dropout": 0.1}]


def planned(**changes: Any) -> Plan:
    return paper_plan(paper_spec(**{"space": LISTED, "points": GIVEN} | changes))


@pytest.mark.parametrize("search", ["grid", "random", "sobol"])
@pytest.mark.parametrize("budget", [12, 6])
def test_they_come_first_and_the_search_leaves_them_out(search: str, budget: int) -> None:
    if search == "grid" and budget < 12:
        return
    plan = planned(search=search, max_trials=budget)
    points = [plan.values(point) for point in range(plan.points)]
    assert plan.points == budget
    assert points[0] == {
        "model.depth": 3,
        "model.dropout": 0.2,
        "train.optimizer": points[0]["train.optimizer"],
    }
    assert points[0]["train.optimizer"]["name"] == "adam"
    assert points[1]["model.dropout"] == 0.1
    assert len({str(values) for values in points}) == budget
    for point, values in enumerate(points):
        assert plan.shape_config(plan.shape_of(point))["model"]["depth"] == values["model.depth"]
    assert sum(Drawn().left_by_shape(plan).values()) == budget


@pytest.mark.parametrize("search", ["random", "sobol", "tpe"])
def test_in_a_space_of_ranges_too(search: str) -> None:
    given = [{"dropout": 0.25}, {"dropout": 0.5, "model.depth": 2}]
    plan = planned(space=OPEN, search=search, max_trials=8, points=given)
    assert plan.points == 8
    first = [plan.space.values(point) for point in plan.space.given]
    assert [values["model.dropout"] for values in first] == [0.25, 0.5]
    if plan.asked is None:
        assert [plan.values(point) for point in range(2)] == first


def test_what_a_point_leaves_out_meets_conditions_and_constraints() -> None:
    space = {
        "train.optimizer": ["sgd", "adam"],
        "train.optimizer.beta": {"uniform": [0.5, 0.9], "when": {"train.optimizer": "adam"}},
        **OPEN,
    }
    rule = ["train.optimizer == 'sgd' or dropout < 0.1"]
    plan = planned(
        space=space, constraints=rule, search="tpe", max_trials=9, points=[{"beta": 0.75}, {"dropout": 0.3}]
    )
    first, second = (plan.space.values(point) for point in plan.space.given)
    assert first["train.optimizer"]["name"] == "adam"
    assert first["model.dropout"] < 0.1
    assert second["train.optimizer"]["name"] == "sgd"
    again = planned(
        space=space, constraints=rule, search="tpe", max_trials=9, points=[{"beta": 0.75}, {"dropout": 0.3}]
    )
    assert again.space.given == plan.space.given


@pytest.mark.parametrize(
    ("points", "pointer", "words"),
    [
        ([{"dropot": 0.1}], "/points/0/dropot", "is not an axis of the space. Did you mean 'model.dropout'?"),
        ([{}, {"dropout": 0.3}], "/points/1/dropout", "must be one of the values of model.dropout"),
        ([{"model.depth": "deep"}], "/points/0/model.depth", "must be one of the values of model.depth"),
        ([GIVEN[0], GIVEN[0]], "/points/1", "is the same point as number 0"),
        ([{"u": 0.5}], "/points/0/u", "must be a number from 0 to 0.4, got 0.5"),
        ([{"u": "x"}], "/points/0/u", "must be a number from 0 to 0.4, got 'x'"),
    ],
)
def test_what_is_refused(points: list[dict[str, Any]], pointer: str, words: str) -> None:
    space = LISTED | ({"train.l2": {"uniform": [0, 0.4]}} if "u" in points[0] else {})
    points = [{"train.l2": each["u"]} if "u" in each else each for each in points]
    with pytest.raises(SpecError) as caught:
        planned(space=space, search="random", max_trials=9, points=points)
    found = {problem.pointer: problem.detail for problem in caught.value.problems}
    assert words in found[pointer.replace("/u", "/train.l2")], found


def test_more_points_than_the_sweep_has_are_refused() -> None:
    with pytest.raises(SpecError, match="has 2 points, but with max_trials 3 the sweep has 1"):
        planned(search="random", max_trials=3, seeds=2)


def test_values_of_a_zip_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(SpecError, match="another value of this point contradicts it"):
        planned(
            space={"model.dropout": [0, 0.1], "model.depth": [2, 3]},
            zip=[["model.dropout", "model.depth"]],
            points=[{"dropout": 0, "model.depth": 3}],
        )


def test_a_point_that_clashes_with_a_condition_is_refused() -> None:
    space = {
        "train.optimizer": ["sgd", "adam"],
        "train.optimizer.beta": {"choice": [0.5, 0.9], "when": {"train.optimizer": "adam"}},
    }
    with pytest.raises(SpecError, match="no point of the space has these values") as caught:
        planned(space=space, points=[{"train.optimizer": "sgd", "beta": 0.9}])
    assert caught.value.problems[0].pointer == "/points/0"
