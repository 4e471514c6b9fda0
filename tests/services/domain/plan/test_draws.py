"""Points by hash: the same for the same key, spread evenly, and only where they are allowed."""

from __future__ import annotations

import pytest

from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.plan.dependencies import AxisCondition, Dependencies
from services.domain.plan.draws import MAX_DRAWS_PER_POINT, Undrawable, draw, share_allowed

RATE = RangeAxis(name="rate", path="rate", row=True, low=0, high=1)
KIND = ListedAxis(name="kind", path="kind", row=False, values=["a", "b"], written=["a", "b"])
AXES: list[Axis] = [RATE, KIND]
FREE = Dependencies()
HALF = Dependencies(constraints=["rate < 0.5"], aliases={"rate": "rate"})


def test_a_key_has_its_point() -> None:
    assert draw(AXES, FREE, (0, "row", 1), {}) == draw(AXES, FREE, (0, "row", 1), {})
    points = {tuple(draw(AXES, FREE, (0, "row", i), {}).values()) for i in range(200)}
    assert len(points) == 200


def test_draws_are_spread_evenly() -> None:
    found = [draw(AXES, FREE, (7, i), {}) for i in range(2000)]
    assert sum(point["rate"] for point in found) / 2000 == pytest.approx(0.5, abs=0.02)
    assert sum(point["kind"] for point in found) / 2000 == pytest.approx(0.5, abs=0.04)


def test_a_fixed_axis_keeps_its_coordinate() -> None:
    assert all(draw(AXES, FREE, (i,), {"kind": 1})["kind"] == 1 for i in range(20))


def test_points_that_break_a_constraint_are_drawn_again() -> None:
    assert all(draw(AXES, HALF, (i,), {})["rate"] < 0.5 for i in range(100))


def test_a_conditional_axis_has_a_value_only_where_its_condition_holds() -> None:
    found = Dependencies(conditions=[AxisCondition(axis="rate", on="kind", indices=[1])])
    for i in range(50):
        point = draw(AXES, found, (i,), {})
        assert ("rate" in point) == (point["kind"] == 1)
    assert "rate" not in draw(AXES, found, (0,), {"kind": 0})
    with pytest.raises(Undrawable):
        draw(AXES, found, (0,), {"kind": 1, "rate": None})


def test_zipped_axes_are_drawn_together() -> None:
    other = ListedAxis(name="other", path="other", row=True, values=[1, 2], written=[1, 2])
    zipped = Dependencies(zips=[["kind", "other"]])
    found = [draw([KIND, other], zipped, (i,), {}) for i in range(20)]
    assert all(point["kind"] == point["other"] for point in found)
    assert len({point["kind"] for point in found}) == 2


def test_what_is_never_allowed_is_given_up() -> None:
    never = Dependencies(constraints=["rate < 0"], aliases={"rate": "rate"})
    with pytest.raises(Undrawable, match=f"fewer than one in {MAX_DRAWS_PER_POINT}"):
        draw(AXES, never, (0,), {})
    assert share_allowed(AXES, never, 0) == 1 / MAX_DRAWS_PER_POINT
    assert share_allowed(AXES, HALF, 0) == pytest.approx(0.5, abs=0.05)
    assert share_allowed(AXES, FREE, 0) == 1.0
