"""The shapes of a search by results: all that can be chosen, built and given a width at submit."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.errors import SpecError
from services.domain.plan.drawn import Drawn
from services.domain.plan.plan import Plan

DROPOUT = {"model.dropout": {"uniform": [0, 0.6]}}


def planned(**changes: Any) -> Plan:
    return paper_plan(paper_spec(**{"search": "tpe", "max_trials": 20} | changes))


def refusals(**changes: Any) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        planned(**changes)
    return {problem.pointer: problem.detail for problem in caught.value.problems}


def test_every_shape_is_there_whatever_will_be_chosen() -> None:
    plan = planned(space={"model.depth": [2, 3, 4], **DROPOUT}, seeds=2)
    assert (plan.asked, plan.points, plan.trials) == (10, 10, 20)
    assert [plan.shape_config(index)["model"]["depth"] for index in range(3)] == [2, 3, 4]
    assert {shape.points for shape in plan.shapes} == {10}
    assert [plan.shape_at({"model.depth": 1, "model.dropout": at}) for at in (0.1, 0.2)] == [1, 1]


def test_a_point_and_its_replicates_have_numbers_that_follow_one_another() -> None:
    plan = planned(space={"model.depth": [2, 3], **DROPOUT}, seeds=3, max_trials=12)
    numbers = [(plan.point_of(number), plan.replicate_of(number)) for number in range(12)]
    assert numbers == [divmod(number, 3) for number in range(12)]
    assert Drawn(6).left_by_shape(plan) == {0: 3, 1: 3}
    assert plan.epochs == 12 * 3


def test_a_listed_space_has_no_more_points_than_it_has() -> None:
    plan = planned(space={"model.depth": [2, 3], "model.dropout": [0, 0.1]})
    assert (plan.asked, [shape.points for shape in plan.shapes]) == (4, [2, 2])


def test_shapes_that_conditions_zips_or_constraints_leave_out_are_not_there() -> None:
    space = {
        "model.depth": {"choice": [2, 3], "when": {"train.optimizer": "adam"}},
        "train.optimizer": ["sgd", "adam"],
        **DROPOUT,
    }
    plan = planned(space=space)
    assert [shape.coordinates for shape in plan.shapes] == [{}, {"model.depth": 0}, {"model.depth": 1}]
    space = {"model.depth": [2, 3, 4], "train.epochs": [1, 2, 3], **DROPOUT}
    zipped = planned(space=space, zip=[["model.depth", "train.epochs"]], constraints=["model.depth < 4"])
    assert [shape.epochs for shape in zipped.shapes] == [1, 2]
    contradicted = planned(
        space={"model.depth": [2, 3], **DROPOUT}, constraints=["model.depth == 2 or dropout > 2"]
    )
    assert [shape.coordinates for shape in contradicted.shapes] == [{"model.depth": 0}]


@pytest.mark.parametrize(
    ("changes", "pointer", "words"),
    [
        ({"space": {"model.depth": [2]}}, "/search", "this space has one point"),
        ({"space": DROPOUT, "max_trials": None}, "", "tpe needs max_trials"),
        (
            {"space": {"train.epochs": {"log_uniform": [1, 9]}, **DROPOUT}},
            "/space/train.epochs",
            "changes the architecture, and there search: tpe takes no range without steps",
        ),
        (
            {"space": {"model.depth": {"int": [1, 80]}, "train.epochs": {"int": [1, 80]}, **DROPOUT}},
            "/space",
            "have 6400 combinations, more than 5000",
        ),
        (
            {"space": DROPOUT, "constraints": ["dropout < 0.001"], "max_trials": 5000},
            "/constraints",
            "of random points meet the constraints",
        ),
    ],
)
def test_what_is_refused(changes: dict[str, Any], pointer: str, words: str) -> None:
    found = refusals(**changes)
    assert words in found[pointer], found


def test_a_method_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.domain.search.gp.find_spec", lambda name: None)
    found = refusals(space=DROPOUT, search="gp")
    assert found["/search"].startswith(
        "search: gp needs optuna and scipy and torch: install cnnlab with its extra"
    )


def test_only_a_search_by_results_takes_results() -> None:
    found = refusals(space=DROPOUT, search="random", warm_start=["0123456789"])
    assert found["/warm_start"].startswith(
        "search: random looks at no results; choose one of cma-es, gp, tpe"
    )
