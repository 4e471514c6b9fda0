"""Zips, conditions and constraints: order, groups, and the combinations that they leave."""

from __future__ import annotations

from graphlib import CycleError

import pytest

from services.domain.plan.dependencies import AxisCondition, Dependencies

CHAIN = Dependencies(
    conditions=[
        AxisCondition(axis="beta", on="optimizer", indices=[1]),
        AxisCondition(axis="warmup", on="beta", indices=[0]),
    ]
)


def test_an_axis_follows_those_that_its_conditions_name() -> None:
    order = CHAIN.order(["warmup", "beta", "rate", "optimizer"])
    assert order.index("optimizer") < order.index("beta") < order.index("warmup")
    assert CHAIN.conditional == {"beta", "warmup"}


def test_a_circle_has_no_order() -> None:
    circle = Dependencies(
        conditions=[AxisCondition(axis=a, on=b, indices=[0]) for a, b in (("a", "b"), ("b", "a"))]
    )
    with pytest.raises(CycleError):
        circle.order(["a", "b"])


def test_an_axis_has_a_value_only_where_all_its_conditions_hold() -> None:
    both = Dependencies(
        conditions=[
            AxisCondition(axis="x", on="a", indices=[0, 2]),
            AxisCondition(axis="x", on="b", indices=[1]),
        ]
    )
    assert both.has_value("x", {"a": 2, "b": 1})
    assert not both.has_value("x", {"a": 1, "b": 1})
    assert not both.has_value("x", {"a": 2})
    assert both.has_value("a", {})


def test_combinations_of_conditions_follow_one_another() -> None:
    candidates = {"optimizer": [0, 1], "beta": [0, 1], "warmup": [0, 1]}
    found = list(CHAIN.combinations(["optimizer", "beta", "warmup"], candidates))
    assert found == [
        {"optimizer": 0},
        {"optimizer": 1, "beta": 0, "warmup": 0},
        {"optimizer": 1, "beta": 0, "warmup": 1},
        {"optimizer": 1, "beta": 1},
    ]


def test_zipped_axes_share_an_index() -> None:
    zipped = Dependencies(zips=[["a", "b"]])
    found = list(zipped.combinations(["b", "c", "a"], {"a": [0, 1], "b": [0, 1], "c": [0, 1]}))
    assert len(found) == 4
    assert all(one["a"] == one["b"] for one in found)
    assert (zipped.first_of_zip("b"), zipped.first_of_zip("c")) == ("a", "c")


def test_groups_are_joined_by_every_kind_of_dependency() -> None:
    found = Dependencies(
        zips=[["a", "b"]],
        conditions=[AxisCondition(axis="c", on="b", indices=[0])],
        constraints=["d < e"],
        aliases={"d": "x.d", "e": "x.e"},
    )
    assert found.groups(["a", "x.d", "free", "b", "x.e", "c"]) == [["a", "b", "c"], ["x.d", "x.e"], ["free"]]


def test_a_constraint_reads_values_by_the_names_that_it_uses() -> None:
    found = Dependencies(constraints=["rate < 0.5"], aliases={"rate": "train.rate"})
    assert found.constraints_hold({"train.rate": 0.4})
    assert not found.constraints_hold({"train.rate": 0.6})
    assert found.constraints_hold({})  # an axis without a value meets it


def test_renaming_reaches_every_place() -> None:
    found = Dependencies(
        zips=[["a", "b"]],
        conditions=[AxisCondition(axis="a", on="c", indices=[0])],
        constraints=["a < 1"],
        aliases={"a": "a"},
    ).renamed({"a": "a.x", "b": "b", "c": "c.x"})
    assert found.zips == [["a.x", "b"]]
    assert (found.conditions[0].axis, found.conditions[0].on) == ("a.x", "c.x")
    assert found.aliases == {"a": "a.x"}
