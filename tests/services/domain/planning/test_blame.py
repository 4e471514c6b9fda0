"""The constraint that leaves no point, by its place."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import refusals

RANDOM: dict[str, Any] = {
    "search": "random",
    "max_trials": 4,
    "space": {"model.dropout": {"uniform": [0, 1]}, "train.l2": {"uniform": [0, 1]}},
}


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"constraints": ["dropout < 1", "dropout > 5", "dropout > 0"]}, "/constraints/1", "meets it"),
        (
            {"constraints": ["dropout <= 1", "dropout < 0.3", "dropout > 0.3"]},
            "/constraints/2",
            "meets it and the constraints before it, though each alone leaves some",
        ),
        (RANDOM | {"constraints": ["l2 < 1", "dropout < 0.00001"]}, "/constraints/1", "one in 1000"),
        (
            RANDOM | {"constraints": ["l2 < 1", "dropout < 0.2", "dropout > 0.3"]},
            "/constraints/2",
            "one in 1000",
        ),
        ({"constraints": ["dropout < 1", "dropout / 0 < 1"]}, "/constraints/1", "cannot be computed for"),
    ],
)
def test_the_constraint_that_takes_the_last_points_away(
    changes: dict[str, Any], pointer: str, detail: str
) -> None:
    [(found, words)] = refusals(**changes)
    assert found == pointer
    assert detail in words


@pytest.mark.parametrize(
    ("constraint", "detail"),
    [
        (
            "dropout == depth",
            "dropout and depth have no value in common: dropout has 0.0, 0.5; depth has 2, 4",
        ),
        ("1 == 1 and depth != dropout", "depth and dropout have no value in common"),
        (
            "train.optimizer == adam",
            "adam is not an axis of the space but a value of train.optimizer: put it",
        ),
        (
            "depth == 2 or l2 == yes",
            'yes is not an axis of the space but a value of l2: put it in quotes, "yes"',
        ),
        ("depth == 2 or l2 != false", 'in quotes, "no"'),
    ],
)
def test_a_comparison_that_can_never_be_meant(constraint: str, detail: str) -> None:
    space = {
        "dropout": [0.0, 0.5],
        "depth": [2, 4],
        "train.optimizer": ["sgd", "adam"],
        "l2": [True, False],
    }
    found = dict(refusals(space=space, constraints=["depth < 5", constraint]))
    assert detail in found["/constraints/1"]


def test_axes_with_a_common_value_are_compared() -> None:
    changes = {"space": {"dropout": [0.0, 0.5], "l2": [0, 1]}, "constraints": ["dropout == l2"]}
    assert refusals(**changes) == []


def test_a_constraint_alone_is_not_said_to_follow_others() -> None:
    assert refusals(constraints=["dropout > 5"]) == [("/constraints/0", "no point of the space meets it")]


def test_zipped_axes_are_looked_at_as_they_are_zipped() -> None:
    space = {"dropout": [0.0, 0.5], "l2": [0.1, 0.2]}
    constraints = ["dropout == 0.5", "l2 == 0.1"]
    [(place, words)] = refusals(space=space, zip=[["dropout", "l2"]], constraints=constraints)
    assert place == "/constraints/1"
    assert words.startswith("no point of the space meets it and the constraints before it")
    assert refusals(space=space, constraints=constraints) == []


def test_a_constraint_on_an_axis_that_is_absent_leaves_the_points_without_it() -> None:
    space = {"model.depth": [1, 2], "model.dropout": {"choice": [0.1, 0.5], "when": {"model.depth": 2}}}
    [(place, words)] = refusals(space=space, constraints=["depth == 2", "dropout > 0.9"])
    assert place == "/constraints/1"
    assert words.endswith("though each alone leaves some")
