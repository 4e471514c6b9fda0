"""Step 3: zips, conditions and constraints that cannot be, each refused at its place."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_spec, refusals

from services.domain.plan.axis import ListedAxis
from services.domain.planning.problems import Problems
from services.domain.planning.read import read_axes
from services.domain.planning.tie import tie_axes


def listed(name: str, path: str, values: list[Any]) -> ListedAxis:
    return ListedAxis(name=name, path=path, row=True, values=values, written=values)


def test_names_become_paths_and_values_indices() -> None:
    spec = paper_spec(
        space={
            "depth": [2, 4, 6],
            "model.dropout": {"choice": [0, 0.5, 0.6], "when": {"model.depth": [6, 2]}},
            "train.l2": [1, 2, 3],
        },
        zip=[["l2", "depth"]],
        constraints=["dropout < depth"],
    )
    axes = [
        listed("depth", "model.depth", [2, 4, 6]),
        listed("model.dropout", "model.dropout", [0, 0.5, 0.6]),
        listed("train.l2", "train.l2", [1, 2, 3]),
    ]
    problems = Problems()
    _, found = tie_axes(spec, read_axes(spec, problems), axes, problems)
    assert found.zips == [["train.l2", "model.depth"]]
    [condition] = found.conditions
    assert (condition.axis, condition.on, condition.indices) == ("model.dropout", "model.depth", [0, 2])
    assert found.aliases == {"dropout": "model.dropout", "depth": "model.depth"}
    assert found.conditional == {"model.dropout"}


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"zip": [["model.dropout", "train.optimizer.x"]]}, "/zip/0", "not an axis of the space"),
        ({"zip": [["model.dropout", "model.dropout"]]}, "/zip/0", "with itself"),
        (
            {"space": {"model.dropout": [0, 0.5], "train.l2": [1]}, "zip": [["dropout", "train.l2"]]},
            "/zip/0",
            "model.dropout has 2, train.l2 has 1",
        ),
        (
            {
                "space": {"model.dropout": [0, 0.5], "train.l2": [1, 2], "model.depth": [2, 4]},
                "zip": [["dropout", "train.l2"], ["depth", "dropout"]],
            },
            "/zip/1",
            "in one zip only",
        ),
        (
            {
                "search": "random",
                "max_trials": 4,
                "space": {"model.dropout": {"uniform": [0, 1]}, "train.l2": [1, 2]},
                "zip": [["dropout", "train.l2"]],
            },
            "/zip/0",
            "not ranges",
        ),
        ({"constraints": ["model.dropout <"]}, "/constraints/0", "cannot be read"),
        (
            {"constraints": ["droput < 1"]},
            "/constraints/0",
            "not an axis of the space. Did you mean 'model.dropout'",
        ),
        (
            {"space": {"model.dropout": {"choice": [0], "when": {"train.optimizer": "adam"}}}},
            "/space/model.dropout/when/train.optimizer",
            "not an axis of the space",
        ),
        (
            {
                "space": {
                    "train.optimizer": ["sgd"],
                    "model.dropout": {"choice": [0], "when": {"train.optimizer": "adm"}},
                }
            },
            "/space/model.dropout/when/train.optimizer",
            "'adm' is not a value of train.optimizer, which has 'sgd'",
        ),
        (
            {
                "space": {
                    "train.optimizer": ["sgd"],
                    "model.dropout": {"choice": [0], "when": {"train.optimizer": []}},
                }
            },
            "/space/model.dropout/when/train.optimizer",
            "an empty list is not a value",
        ),
        (
            {"space": {"model.dropout": {"choice": [0, 0.5], "when": {"dropout": 0}}}},
            "/space/model.dropout/when/dropout",
            "cannot depend on itself",
        ),
        (
            {
                "search": "random",
                "max_trials": 4,
                "space": {
                    "train.l2": {"uniform": [0, 1]},
                    "model.dropout": {"choice": [0], "when": {"train.l2": 0}},
                },
            },
            "/space/model.dropout/when/train.l2",
            "train.l2 is a range",
        ),
    ],
)
def test_what_cannot_be_is_refused_where_it_stands(
    changes: dict[str, Any], pointer: str, detail: str
) -> None:
    [(found, words)] = refusals(**changes)
    assert found == pointer
    assert detail in words


def test_of_a_zip_with_several_unknown_names_the_first_is_refused() -> None:
    [(pointer, detail)] = refusals(zip=[["one", "two"]])
    assert pointer == "/zip/0"
    assert detail.startswith("one is not an axis")


def test_conditions_that_form_a_circle_are_refused() -> None:
    space = {
        "model.dropout": {"choice": [0, 0.5], "when": {"depth": 2}},
        "model.depth": {"choice": [2, 4], "when": {"dropout": 0}},
    }
    [(pointer, detail)] = refusals(space=space)
    assert pointer == "/space"
    assert "form a circle" in detail


OF_OPTIMIZERS = "is not a value of train.optimizer, which has 'sgd', 'adam'."


@pytest.mark.parametrize(
    ("constraint", "detail"),
    [
        ('train.optimizer == "adamm"', f"'adamm' {OF_OPTIMIZERS} Did you mean 'adam'?"),
        ("model.dropout != 0.3", "0.3 is not a value of model.dropout, which has 0.0, 0.5."),
        ('"sgd" == train.optimizer or train.optimizer in ("adam", "lbfgs")', f"'lbfgs' {OF_OPTIMIZERS}"),
    ],
)
def test_a_comparison_that_is_the_same_everywhere_is_refused(constraint: str, detail: str) -> None:
    assert refusals(constraints=[constraint]) == [("/constraints/0", detail)]


def test_a_range_is_never_a_text() -> None:
    space = {"model.dropout": {"uniform": [0, 0.5]}}
    found = refusals(space=space, constraints=['dropout == "high"'], search="random", max_trials=3)
    assert found == [("/constraints/0", "dropout is a range of numbers and never 'high'")]
