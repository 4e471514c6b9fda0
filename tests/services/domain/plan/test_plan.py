"""What later steps ask of a plan: rows, seeds, configs, and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paper_catalog import paper_plan, paper_spec

from services.domain.plan.plan import Plan
from services.domain.plan.trial_seed import trial_seed


@dataclass(frozen=True)
class Stored:
    """A trial as the database has it."""

    values: dict[str, Any]


def test_trials_from_one_on_may_share_arrays_to_the_end_of_their_replicate() -> None:
    plan = paper_plan(paper_spec(space={"model.dropout": [i / 40 for i in range(30)]}, seeds=2))
    assert not plan.shapes[0].mixed
    assert [plan.run_of(number) for number in (0, 29, 30, 59)] == [30, 1, 30, 1]
    plan = paper_plan(paper_spec(space={}, seeds=10))
    assert plan.shapes[0].mixed
    assert [plan.run_of(number) for number in (0, 1, 9)] == [10, 9, 1]


def test_a_seed_follows_from_sweep_point_and_replicate() -> None:
    plan = paper_plan(paper_spec(seeds=3, seed=8))
    for number in range(plan.trials):
        place = plan.point_of(number), plan.replicate_of(number)
        assert plan.seed_of(number) == trial_seed(8, *place)


def test_the_config_of_a_stored_trial_is_its_point_s() -> None:
    plan = paper_plan(
        paper_spec(space={"train.optimizer": ["sgd", "adam"], "train.optimizer.lr": [0.3, 0.4]})
    )
    for point in range(plan.points):
        assert plan.config_of(Stored(plan.values(point))) == plan.config(point)
    found = plan.config_of(Stored({"model.dropout": 0.7}))  # a value that no point of the plan has
    assert found["model"]["dropout"] == 0.7
    assert found["train"] == plan.base["train"]


def test_the_config_of_a_shape_has_its_own_values() -> None:
    plan = paper_plan(paper_spec(space={"model.depth": [2, 4], "model.dropout": [0.1, 0.5]}))
    assert [plan.shape_config(index)["model"]["depth"] for index in (0, 1)] == [2, 4]
    assert plan.shape_config(1)["model"]["dropout"] == 0.1
    assert plan.shape_values(1) == {"model.depth": 4}


def test_a_plan_survives_json() -> None:
    plan = paper_plan(paper_spec())
    again = Plan.model_validate_json(plan.model_dump_json())
    assert again == plan
    assert [again.config(p) for p in range(4)] == [plan.config(p) for p in range(4)]
