"""Points by hash: the same for the same key, spread evenly, and only where they are allowed."""

from __future__ import annotations

import pytest

from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.plan.dependencies import AxisCondition, Dependencies
from services.domain.plan.draws import MAX_DRAWS_PER_POINT, Drawer, Undrawable

RATE = RangeAxis(name="rate", path="rate", row=True, low=0, high=1)
KIND = ListedAxis(name="kind", path="kind", row=False, values=["a", "b"], written=["a", "b"])
AXES: list[Axis] = [RATE, KIND]
FREE = Dependencies()
HALF = Dependencies(constraints=["rate < 0.5"], aliases={"rate": "rate"})


def test_a_key_has_its_point() -> None:
    assert Drawer(AXES, FREE).draw((0, "row", 1), {}) == Drawer(AXES, FREE).draw((0, "row", 1), {})
    points = {tuple(Drawer(AXES, FREE).draw((0, "row", i), {}).values()) for i in range(200)}
    assert len(points) == 200


def test_draws_are_spread_evenly() -> None:
    found = [Drawer(AXES, FREE).draw((7, i), {}) for i in range(2000)]
    assert sum(point["rate"] for point in found) / 2000 == pytest.approx(0.5, abs=0.02)
    assert sum(point["kind"] for point in found) / 2000 == pytest.approx(0.5, abs=0.04)


def test_a_fixed_axis_keeps_its_coordinate() -> None:
    assert all(Drawer(AXES, FREE).draw((i,), {"kind": 1})["kind"] == 1 for i in range(20))


def test_points_that_break_a_constraint_are_drawn_again() -> None:
    assert all(Drawer(AXES, HALF).draw((i,), {})["rate"] < 0.5 for i in range(100))


def test_a_conditional_axis_has_a_value_only_where_its_condition_holds() -> None:
    found = Dependencies(conditions=[AxisCondition(axis="rate", on="kind", indices=[1])])
    for i in range(50):
        point = Drawer(AXES, found).draw((i,), {})
        assert ("rate" in point) == (point["kind"] == 1)
    assert "rate" not in Drawer(AXES, found).draw((0,), {"kind": 0})
    with pytest.raises(Undrawable):
        Drawer(AXES, found).draw((0,), {"kind": 1, "rate": None})


def test_zipped_axes_are_drawn_together() -> None:
    other = ListedAxis(name="other", path="other", row=True, values=[1, 2], written=[1, 2])
    zipped = Dependencies(zips=[["kind", "other"]])
    found = [Drawer([KIND, other], zipped).draw((i,), {}) for i in range(20)]
    assert all(point["kind"] == point["other"] for point in found)
    assert len({point["kind"] for point in found}) == 2


def test_axes_zipped_with_a_fixed_one_follow_it() -> None:
    other = ListedAxis(name="other", path="other", row=True, values=[1, 2], written=[1, 2])
    drawer = Drawer([KIND, other], Dependencies(zips=[["kind", "other"]]))
    for index in (0, 1):
        assert all(drawer.draw((i,), {"kind": index})["other"] == index for i in range(20))


def test_a_seed_has_the_same_points_in_every_version() -> None:
    """A sweep is drawn at submit and again at dispatch: another draw would be another sweep."""
    axes: list[Axis] = [
        KIND,
        RangeAxis(name="rate", path="rate", row=True, low=1e-4, high=1, log=True),
        RangeAxis(name="depth", path="depth", row=True, low=1, high=9, step=2, whole=True),
        RangeAxis(name="drop", path="drop", row=True, low=0, high=1),
    ]
    dependencies = Dependencies(
        conditions=[AxisCondition(axis="drop", on="kind", indices=[1])],
        constraints=["rate < 0.1 or depth > 3", "drop + rate < 0.9"],
        aliases={"rate": "rate", "depth": "depth", "drop": "drop"},
    )
    drawer = Drawer(axes, dependencies)
    assert [drawer.draw((5, "row", 0, i), {"kind": i % 2}) for i in range(4)] == [
        {"kind": 0, "rate": 0.000104058, "depth": 4},
        {"kind": 1, "rate": 0.00820608, "depth": 1, "drop": 0.77122},
        {"kind": 0, "rate": 0.00763103, "depth": 4},
        {"kind": 1, "rate": 0.000363404, "depth": 1, "drop": 0.767144},
    ]
    assert drawer.draw((5, "shape", 0), {}) == {"kind": 1, "rate": 0.0151566, "depth": 2, "drop": 0.341057}
    assert drawer.share_allowed(3) == 0.813


def test_what_is_never_allowed_is_given_up() -> None:
    never = Dependencies(constraints=["rate < 0"], aliases={"rate": "rate"})
    with pytest.raises(Undrawable, match=f"fewer than one in {MAX_DRAWS_PER_POINT}"):
        Drawer(AXES, never).draw((0,), {})
    assert Drawer(AXES, never).share_allowed(0) == 1 / MAX_DRAWS_PER_POINT
    assert Drawer(AXES, HALF).share_allowed(0) == pytest.approx(0.5, abs=0.05)
    assert Drawer(AXES, FREE).share_allowed(0) == 1.0
