"""Step 4: every value resolved, completed, and refused where it stands if it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from paper_catalog import PaperCatalog, paper_plan, paper_spec, refusals

from services.domain.errors import SpecError
from services.domain.plan.axis import ListedAxis, RangeAxis
from services.domain.planning.catalog import DryBuild
from services.domain.planning.planner import make_plan


def test_values_are_completed_and_kept_as_written() -> None:
    [axis] = paper_plan(paper_spec(space={"train.optimizer": ["adam", {"name": "sgd", "lr": 0.2}]})).axes
    assert isinstance(axis, ListedAxis)
    assert axis.values == [{"name": "adam", "lr": 0.001, "beta": 0.9}, {"name": "sgd", "lr": 0.2}]
    assert axis.written == ["adam", {"name": "sgd", "lr": 0.2}]
    assert axis.row


def test_an_axis_of_the_architecture_is_a_shape_s() -> None:
    axes = paper_plan(paper_spec(space={"model.depth": [2, 4], "model.dropout": [0, 0.5]})).axes
    assert {axis.path: axis.row for axis in axes} == {"model.depth": False, "model.dropout": True}


def test_a_range_of_a_penalty_is_one_of_its_strength() -> None:
    spec = paper_spec(search="random", max_trials=5, space={"train.l2": {"uniform": [0, 1]}})
    [axis] = paper_plan(spec).axes
    assert isinstance(axis, RangeAxis)
    assert (axis.name, axis.path, axis.whole) == ("train.l2", "train.l2.strength", False)


@pytest.mark.parametrize("written", [{"uniform": [0, 1]}, {"uniform": [0, 1], "step": 0.0001}])
def test_a_range_of_which_constraints_leave_a_small_part_is_checked(written: Any) -> None:
    """None of the values that are tried with others meets the constraint."""
    changes = {"space": {"train.l2": written}, "constraints": ["0.5 < l2 and l2 < 0.6"]}
    plan = paper_plan(paper_spec(**changes, search="random", max_trials=4))
    [axis] = plan.axes
    assert (axis.path, axis.row) == ("train.l2.strength", True)
    assert isinstance(axis, RangeAxis)
    assert not axis.whole
    assert all(0.5 < plan.config(point)["train"]["l2"]["strength"] < 0.6 for point in range(4))


def test_a_range_that_constraints_leave_out_with_its_condition_is_no_fault() -> None:
    """beta is a hyperparameter of adam, and every point has sgd."""
    space = {
        "train.optimizer": ["sgd", "adam"],
        "train.optimizer.beta": {"uniform": [0.8, 0.9], "when": {"train.optimizer": "adam"}},
    }
    changes = {"space": space, "constraints": ["optimizer == 'sgd'"], "search": "random", "max_trials": 1}
    plan = paper_plan(paper_spec(**changes))
    assert plan.values(0) == {"train.optimizer": {"name": "sgd", "lr": 0.1}}


def test_a_fault_at_points_that_constraints_leave_out_is_none_of_the_spec() -> None:
    """A dropout above 1 would be refused, and every value that is tried is above 0.2 or 0."""
    changes = {
        "space": {"model.dropout": {"uniform": [0, 5]}},
        "constraints": ["0.1 < dropout and dropout < 0.2"],
    }
    plan = paper_plan(paper_spec(**changes, search="random", max_trials=2))
    assert all(0.1 < plan.values(point)["model.dropout"] < 0.2 for point in range(2))


def test_a_range_of_texts_is_refused() -> None:
    class Words(PaperCatalog):
        def resolve(self, config: Mapping[str, Any]) -> dict[str, Any]:
            resolved = super().resolve(config)
            resolved["model"]["depth"] = str(resolved["model"]["depth"])
            return resolved

        def inspect(self, config: Mapping[str, Any]) -> DryBuild:
            return super().inspect({**config, "model": {"depth": int(config["model"]["depth"])}})

    spec = paper_spec(space={"model.depth": {"int": [1, 2000]}}, max_trials=2000)
    with pytest.raises(SpecError, match=r"/space/model\.depth: .*its values are not numbers; give a list"):
        make_plan(spec, Words(), limit=1000, memory=1 << 30)


def test_a_value_is_checked_with_every_value_of_the_axes_below_it() -> None:
    space = {"train.optimizer": ["adam", "sgd"], "train.optimizer.beta": {"choice": [0.8], "when": {}}}
    [(pointer, detail)] = refusals(space=space)
    assert pointer == "/space/train.optimizer.beta/choice/0"
    assert detail == "sgd has no 'beta'"


def test_too_many_values_that_depend_on_one_another_are_refused() -> None:
    space = {
        "train.optimizer": [{"name": "adam", "lr": 0.1 + i} for i in range(100)],
        "train.optimizer.beta": [i / 100 for i in range(100)],
    }
    [(pointer, detail)] = refusals(space=space, max_trials=10_000)
    assert pointer == "/space"
    assert "have more than 5000 combinations" in detail


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"space": {"model.dropout": [0, 0.0]}}, "/space/model.dropout", "are equal once their defaults"),
        ({"space": {"model.dropout": [0.1, 1.5]}}, "/space/model.dropout/1", "[0, 1], got 1.5"),
        ({"space": {"train.optimizer": ["sgd", "adm"]}}, "/space/train.optimizer/1", "adm"),
        (
            {"space": {"train.optimizer": ["sgd", {"name": "sgd", "bta": 1}]}},
            "/space/train.optimizer/1/bta",
            "bta",
        ),
        ({"space": {"dropout": [0.1, 7]}}, "/space/dropout/1", "got 7"),
        ({"space": {"model.dropout": {"choice": [0.1, 7]}}}, "/space/model.dropout/choice/1", "got 7"),
        ({"space": {"model.dropout": {"uniform": [0, 2], "step": 1}}}, "/space/model.dropout", "got 2"),
        ({"space": {"model.dropout": {"uniform": [0, 1]}}}, "/space/model.dropout", "range without steps"),
        (
            {"search": "random", "max_trials": 4, "space": {"model.dropout": {"uniform": [0.5, 2]}}},
            "/space/model.dropout",
            "got 1.",
        ),
        ({"constraints": ["dropout / 0 < 1"]}, "/constraints/0", "cannot be computed for"),
        ({"constraints": ["optimizer < 1"]}, "/constraints/0", "cannot be computed for"),
        ({"model": {"name": "net", "dropout": 3}, "space": {"train.l2": [0]}}, "/model/dropout", "got 3"),
    ],
)
def test_a_wrong_value_is_refused_where_it_stands(changes: Any, pointer: str, detail: str) -> None:
    [(found, words)] = refusals(**changes)
    assert found == pointer
    assert detail in words
