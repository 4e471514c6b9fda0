"""The spec of a winner: complete, without axes, and the same once it is planned again."""

from __future__ import annotations

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.plan.winner import winner_spec
from services.domain.spec.spec import Spec


@pytest.mark.parametrize("point", range(4))
def test_planned_again_it_is_the_point_it_came_from(point: int) -> None:
    spec = paper_spec(seeds=3, seed=5, project="p", objective={"metric": "val/loss", "at": "last"})
    plan = paper_plan(spec)
    again = Spec.model_validate(winner_spec(spec, plan, plan.config(point)))
    planned = paper_plan(again)
    assert planned.config(0) == plan.config(point)
    assert (planned.points, planned.seeds, planned.space.seed) == (1, 3, 6)
    assert (again.project, again.objective) == ("p", spec.objective)


@pytest.mark.parametrize(("name", "best"), [("a b", "a b best"), ("a" * 94 + " b", "a" * 94 + " best")])
def test_the_name_fits(name: str, best: str) -> None:
    spec = paper_spec(name=name)
    plan = paper_plan(spec)
    found = winner_spec(spec, plan, plan.config(0))
    assert found["name"] == best
    assert Spec.model_validate(found).name == best
