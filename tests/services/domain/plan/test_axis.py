"""Coordinates and values of lists and ranges, with steps and without."""

from __future__ import annotations

import math

import pytest
from pydantic import TypeAdapter

from services.domain.plan.axis import Axis, ListedAxis, RangeAxis


def a_range(low: float, high: float, **more: object) -> RangeAxis:
    return RangeAxis.model_validate(
        {"name": "x", "path": "a.x", "row": True, "low": low, "high": high, **more}
    )


LISTED = ListedAxis(
    name="x", path="a.x", row=True, values=[{"name": "sgd"}, {"name": "adam"}], written=["sgd", "adam"]
)


def test_a_listed_axis_has_completed_values_and_written_ones() -> None:
    assert LISTED.size == 2
    assert LISTED.value(1) == {"name": "adam"}
    assert LISTED.as_written(1) == "adam"
    assert [LISTED.at(share) for share in (0, 0.49, 0.5, 0.99)] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        (a_range(0, 0.6, step=0.2), [0, 0.2, 0.4, 0.6]),
        (a_range(0.1, 0.4, step=0.1), [0.1, 0.2, 0.3, 0.4]),
        (a_range(0, 0.5, step=0.2), [0, 0.2, 0.4]),
        (a_range(1e-4, 1e-1, step=10, log=True), [1e-4, 1e-3, 1e-2, 1e-1]),
        (a_range(2, 9, step=3, whole=True), [2, 5, 8]),
    ],
)
def test_a_range_with_steps_counts_its_values(axis: RangeAxis, values: list[float]) -> None:
    assert axis.size == len(values)
    assert [axis.value(index) for index in range(len(values))] == values
    assert [axis.at(index / len(values) + 1e-9) for index in range(len(values))] == list(range(len(values)))


def test_whole_numbers_are_integers() -> None:
    assert isinstance(a_range(2, 9, step=3, whole=True).value(1), int)


def test_a_range_without_steps_has_every_number() -> None:
    axis = a_range(1, 100)
    assert axis.size is None
    assert (axis.at(0.0), axis.at(0.5), axis.at(1.0)) == (1, 50.5, 100)
    assert axis.value(33.25) == axis.as_written(33.25) == 33.25
    assert a_range(1, 3).at(1 / 3) == 1.66667  # six significant digits


def test_a_logarithmic_range_is_even_in_the_logarithm() -> None:
    axis = a_range(1e-4, 1e-2, log=True)
    assert axis.at(0.5) == pytest.approx(1e-3)
    assert axis.at(0.0) == 1e-4
    assert axis.at(math.nextafter(1.0, 0.0)) <= 1e-2


def test_rounding_never_leaves_the_range() -> None:
    axis = a_range(0.12345678, 0.12345679)
    assert axis.low <= axis.at(0.0) <= axis.at(1.0) <= axis.high


@pytest.mark.parametrize("axis", [LISTED, a_range(0, 1), a_range(1, 9, step=2, whole=True)])
def test_json_keeps_the_kind(axis: ListedAxis | RangeAxis) -> None:
    adapter: TypeAdapter[ListedAxis | RangeAxis] = TypeAdapter(Axis)
    assert adapter.validate_json(adapter.dump_json(axis)) == axis
