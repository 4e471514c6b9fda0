"""The sweep that repeats one trial has everything that its numbers depend on."""

from __future__ import annotations

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.plan.plan import Plan
from services.domain.plan.reproduction import repeat

SPEC = paper_spec(space={"model.depth": [2, 3], "model.dropout": [0, 0.2, 0.4]}, seeds=3, seed=4)
PLAN = paper_plan(SPEC)


@pytest.mark.parametrize("number", [0, 7, 17])
def test_it_is_the_same_trial(number: int) -> None:
    spec, plan = repeat(SPEC, PLAN, f"s-{number:04d}", number, (5, 3))
    shape = PLAN.shapes[PLAN.shape_of(PLAN.point_of(number))]
    assert plan.trials == 1
    assert plan.config(0) == PLAN.config(PLAN.point_of(number))
    assert plan.replicate_of(0) == PLAN.replicate_of(number)
    assert plan.seed_of(0) == PLAN.seed_of(number)
    assert plan.pin
    assert (plan.shapes[0].width, plan.pin.row, plan.shapes[0].mixed) == (5, 3, shape.mixed)
    assert (plan.point_of(0), plan.run_of(0), plan.values(0)) == (0, 1, {})
    assert plan.varied == PLAN.varied == ["model.dropout"]
    assert (spec.seed, spec.objective) == (SPEC.seed, SPEC.objective)


def test_it_says_what_it_repeats() -> None:
    spec, plan = repeat(SPEC, PLAN, "s-0007", 7, (6, 1))
    assert spec.name == "paper t007 again"
    assert spec.description == "Repeats trial s-0007 of paper."
    assert plan.pin is not None
    assert (plan.pin.trial, plan.pin.name) == ("s-0007", "paper")


def test_its_plan_survives_json_and_can_be_repeated() -> None:
    spec, plan = repeat(SPEC, PLAN, "s-0007", 7, (6, 1))
    again = Plan.model_validate_json(plan.model_dump_json())
    _, second = repeat(spec, again, "t-0000", 0, (6, 1))
    assert second.seed_of(0) == PLAN.seed_of(7)
    assert second.pin
    assert (second.shapes[0].width, second.pin.row) == (6, 1)
    assert second.varied == ["model.dropout"]
