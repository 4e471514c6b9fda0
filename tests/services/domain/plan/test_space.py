"""The space of a plan: a position of a shape becomes values."""

from __future__ import annotations

from services.domain.plan.axis import ListedAxis, RangeAxis
from services.domain.plan.choices import Group
from services.domain.plan.space import Space

DEPTH = ListedAxis(name="depth", path="model.depth", row=False, values=[2, 4], written=[2, 4])
RATE = ListedAxis(name="rate", path="train.rate", row=True, values=[0.1, 0.2, 0.3], written=[0.1, 0.2, 0.3])
DECAY = ListedAxis(name="decay", path="train.decay", row=True, values=[0, 1], written=[0, 1])


def test_positions_count_the_last_axis_first() -> None:
    axes = [DEPTH, RATE, DECAY]
    space = Space(axes=axes, groups=[Group(paths=[axis.path]) for axis in axes])
    points = [space.point(1, {"model.depth": 1}, position) for position in range(6)]
    assert points[0] == {"model.depth": 4, "train.rate": 0.1, "train.decay": 0}
    assert [(one["train.rate"], one["train.decay"]) for one in points[:3]] == [(0.1, 0), (0.1, 1), (0.2, 0)]
    assert len({tuple(one.values()) for one in points}) == 6


def test_values_follow_the_order_of_the_axes() -> None:
    space = Space(axes=[DEPTH, RATE])
    assert list(space.values({"train.rate": 2, "model.depth": 0})) == ["model.depth", "train.rate"]
    assert space.values({"train.rate": 2}) == {"train.rate": 0.3}


def test_a_random_search_visits_the_same_points_in_its_own_order() -> None:
    groups = [Group(paths=["train.rate"]), Group(paths=["train.decay"])]
    grid = Space(axes=[RATE, DECAY], groups=groups)
    orders = set()
    for seed in range(10):
        random = Space(axes=[RATE, DECAY], groups=groups, search="random", seed=seed)
        found = [tuple(random.point(0, {}, position).values()) for position in range(6)]
        assert set(found) == {tuple(grid.point(0, {}, position).values()) for position in range(6)}
        orders.add(tuple(found))
    assert len(orders) > 5


def test_a_drawn_point_depends_on_seed_shape_and_position() -> None:
    axis = RangeAxis(name="x", path="x", row=True, low=0, high=1)
    keys = [(seed, shape, position) for seed in range(3) for shape in range(3) for position in range(3)]
    found = [Space(axes=[axis], drawn=True, seed=a).point(b, {}, c)["x"] for a, b, c in keys]
    assert len(set(found)) == 27
    assert found == [Space(axes=[axis], drawn=True, seed=a).point(b, {}, c)["x"] for a, b, c in keys]
