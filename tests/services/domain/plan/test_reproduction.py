"""The sweep that repeats one trial has everything that its numbers depend on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.plan import cohorts
from services.domain.plan.plan import Plan, Segment
from services.domain.plan.reproduction import repeat

SPEC = paper_spec(space={"model.depth": [2, 3], "model.dropout": [0, 0.2, 0.4]}, seeds=3, seed=4)
PLAN = paper_plan(SPEC)
PLACES = [Segment(until=1, width=6, row=5), Segment(until=3, width=2, row=0)]


def stored(plan: Plan, sweep: str, number: int) -> SimpleNamespace:
    point = plan.point_of(number)
    return SimpleNamespace(
        id=f"{sweep}-{number:04d}",
        number=number,
        replicate=plan.replicate_of(number),
        seed=plan.seed_of(number),
        shape=plan.shape_of(point),
        values=plan.values(point),
    )


@pytest.mark.parametrize("number", [0, 7, 17])
def test_it_is_the_same_trial(number: int) -> None:
    spec, plan = repeat(SPEC, PLAN, stored(PLAN, "s", number), PLACES)
    shape = PLAN.shapes[PLAN.shape_of(PLAN.point_of(number))]
    assert plan.trials == 1
    assert plan.config(0) == PLAN.config(PLAN.point_of(number))
    assert plan.replicate_of(0) == PLAN.replicate_of(number)
    assert plan.seed_of(0) == PLAN.seed_of(number)
    assert plan.pin
    assert (plan.pin.segments, plan.shapes[0].mixed) == (PLACES, shape.mixed)
    assert (plan.point_of(0), plan.run_of(0), plan.values(0)) == (0, 1, {})
    assert plan.varied == PLAN.varied == ["model.dropout"]
    assert (spec.seed, spec.objective) == (SPEC.seed, SPEC.objective)


def test_it_stops_where_the_trial_did_and_goes_on_in_its_next_place() -> None:
    spec, plan = repeat(SPEC, PLAN, stored(PLAN, "s", 7), PLACES)
    stops = cohorts.of_sweep(spec, plan)
    assert (stops.next_stop(0, 0, 3), stops.next_stop(0, 1, 3)) == (1, 3)
    assert plan.pin
    assert [plan.pin.segment_from(epoch) for epoch in range(4)] == [PLACES[0], *[PLACES[1]] * 3]


def test_it_says_what_it_repeats() -> None:
    spec, plan = repeat(SPEC, PLAN, stored(PLAN, "s", 7), PLACES)
    assert spec.name == "paper t007 again"
    assert spec.description == "Repeats trial s-0007 of paper."
    assert plan.pin is not None
    assert (plan.pin.trial, plan.pin.name) == ("s-0007", "paper")


def test_its_plan_survives_json_and_can_be_repeated() -> None:
    spec, plan = repeat(SPEC, PLAN, stored(PLAN, "s", 7), PLACES)
    again = Plan.model_validate_json(plan.model_dump_json())
    _, second = repeat(spec, again, stored(again, "t", 0), PLACES)
    assert second.seed_of(0) == PLAN.seed_of(7)
    assert second.pin
    assert second.pin.segments == PLACES
    assert second.varied == ["model.dropout"]
