"""A space as methods see it: choices become points and points choices again."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.search_problems import PROBLEMS, listed, spread
from services.domain.asking.dimension import Choice, Dimension
from services.domain.asking.search_space import SearchSpace
from services.domain.plan.choices import Group
from services.domain.plan.dependencies import AxisCondition, Dependencies

KIND, RATE, WIDTH = listed("kind", ["a", "b"]), spread("rate", 0, 1), listed("width", [8, 16, 32])
FIXED = listed("fixed", [5])
CONDITION = AxisCondition(axis="rate", on="kind", indices=[1])


def chosen(**choices: Choice) -> Any:
    def choose(dimension: Dimension) -> Choice:
        return choices[dimension.name]

    return choose


def test_an_axis_is_asked_for_only_where_it_has_a_value_and_after_what_decides_that() -> None:
    space = SearchSpace([RATE, KIND, FIXED], Dependencies(conditions=[CONDITION]), [])
    assert {each.name for each in space.dimensions} == {"kind", "rate"}
    assert space.point(chosen(kind=0)).coordinates == {"kind": 0, "fixed": 0}
    point = space.point(chosen(kind=1, rate=0.25))
    assert point.coordinates == {"kind": 1, "rate": 0.25, "fixed": 0}
    assert point.choices == {"kind": 1, "rate": 0.25}


def test_zipped_axes_are_one_dimension() -> None:
    other = listed("other", ["x", "y", "z"])
    space = SearchSpace([WIDTH, other], Dependencies(zips=[["width", "other"]]), [])
    assert [each.name for each in space.dimensions] == ["width"]
    assert space.point(chosen(width=2)).coordinates == {"width": 2, "other": 2}
    assert space.point_of({"width": 32, "other": "y"}) is None


def test_points_are_told_apart_by_every_coordinate() -> None:
    space = SearchSpace([RATE, KIND], Dependencies(conditions=[CONDITION]), [])
    keys = {
        space.at(point).key
        for point in ({"kind": 0}, {"kind": 1, "rate": 0.0}, {"kind": 1, "rate": 0.000001})
    }
    assert len(keys) == 3


def test_values_lead_back_to_their_point() -> None:
    stepped = spread("stepped", 1e-4, 1e-1, step=10.0, log=True)
    axes = [KIND, RATE, WIDTH, stepped]
    space = SearchSpace(axes, Dependencies(conditions=[CONDITION]), [])
    values = {"kind": "b", "rate": 0.3, "width": 16.0, "stepped": 0.01}
    found = space.point_of(values)
    assert found is not None
    assert found.coordinates == {"kind": 1, "rate": 0.3, "width": 1, "stepped": 2}
    assert space.point_of(values | {"kind": "a"}) is not None, "a value that it does not have is passed over"
    for wrong in ({"kind": "c"}, {"rate": 1.5}, {"rate": True}, {"width": 9}, {"stepped": 0.02}):
        assert space.point_of(values | wrong) is None
    assert space.point_of({"kind": "b"}) is None, "the rate is missing"


def test_a_space_that_can_be_listed_has_a_size_and_every_point_once() -> None:
    groups = [
        Group(paths=["kind", "fixed"], combinations=[[0, None], [1, 0]]),
        Group(paths=["width"]),
    ]
    space = SearchSpace([KIND, FIXED, WIDTH], Dependencies(), groups)
    assert space.size == 6
    assert len({space.listed(index).key for index in range(6)}) == 6
    assert space.listed(0).coordinates == {"kind": 0, "width": 0}
    assert PROBLEMS["sphere"].space.size is None
    assert SearchSpace([], Dependencies(), []).size == 1


@pytest.mark.parametrize(("width", "met"), [(0, True), (2, False)])
def test_constraints_are_of_values_as_written(width: int, met: bool) -> None:
    held = Dependencies(constraints=["width < 20"], aliases={"width": "width"})
    space = SearchSpace([WIDTH, RATE], held, [])
    assert space.is_met({"width": width, "rate": 0.5}) is met
