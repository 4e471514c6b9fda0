"""A recorded space as searches see it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from made_up_curves import POINTS, made_up, on_paper


def test_every_point_that_a_search_can_want_is_a_recorded_one() -> None:
    space = on_paper(made_up())
    for number, values in enumerate(POINTS):
        point = space.searched.point_of(values)
        assert point
        assert space.number(point) == number
        assert space.choices[number] == {"train.l2": number // 3, "model.dropout": number % 3}
    assert space.sizes == [9]


@pytest.mark.parametrize("points", [POINTS[:8], [POINTS[1], POINTS[0], *POINTS[2:]]])
def test_curves_of_other_points_are_refused(points: list[dict[str, Any]]) -> None:
    recorded = made_up()
    with pytest.raises(SystemExit, match="must be of the 9 points of its spec, in the order of the grid"):
        on_paper(replace(recorded, points=points, curves=recorded.curves[: len(points)]))
