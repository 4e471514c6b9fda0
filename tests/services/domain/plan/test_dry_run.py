"""What a sweep would take: packs, repeated configs, seconds."""

from __future__ import annotations

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.plan import dry_run
from services.domain.plan.dry_run import MeasuredSpeed

PLAN = paper_plan(
    paper_spec(space={"model.depth": [2, 3], "model.dropout": [i / 20 for i in range(12)]}, seeds=2)
)


def test_packs_hold_every_trial_once() -> None:
    for shape in PLAN.shapes:
        assert dry_run.packs(PLAN, shape) * shape.width >= 12 * 2
        assert (dry_run.packs(PLAN, shape) - 2) * shape.width < 12 * 2


def test_a_repeated_config_counts_once_for_each_seed() -> None:
    assert dry_run.duplicates(PLAN) == 0
    space = {"train.optimizer": ["sgd", {"name": "adam", "lr": 0.2}], "train.optimizer.lr": [0.1, 0.2]}
    assert dry_run.duplicates(paper_plan(paper_spec(space=space))) == 0
    space = {"train.optimizer": [{"name": "sgd", "lr": 0.5}, "sgd"], "train.optimizer.lr": [0.1, 0.2]}
    assert dry_run.duplicates(paper_plan(paper_spec(space=space, seeds=3))) == 2 * 3


def test_the_speed_at_the_nearest_width_is_used() -> None:
    [shape, _] = PLAN.shapes
    near, own = MeasuredSpeed(5, shape.width + 1, "m"), MeasuredSpeed(1, shape.width, "m")
    assert dry_run.measured(shape, [near, own]) == own
    assert dry_run.measured(shape, [near, MeasuredSpeed(9, shape.width + 4, "m")]) == near
    assert dry_run.measured(shape, []) is None


def test_seconds_are_the_work_of_all_trials_shared_by_the_devices() -> None:
    speeds = {shape.key: [MeasuredSpeed(100.0, shape.width, "box")] for shape in PLAN.shapes}
    rows = 2 * 12 * 2
    one, origin = dry_run.seconds(PLAN, [1000, 1000], speeds, 1)
    assert one == pytest.approx(rows * 3 * 1000 / 100)
    assert origin == "speeds measured on box, one device at work"
    two, origin = dry_run.seconds(PLAN, [1000, 1000], speeds, 2)
    assert two == pytest.approx(one / 2)
    assert origin.endswith("2 devices at work")
    many, _ = dry_run.seconds(PLAN, [1000, 1000], speeds, 1000)
    wide = 24 / dry_run.packs(PLAN, PLAN.shapes[0])
    assert many == pytest.approx(wide * 3 * 1000 / 100)  # no less than one pack
    assert dry_run.seconds(PLAN, [1000, 1000], speeds, 1, 0.25)[0] == pytest.approx(one / 4)


def test_without_a_measurement_there_is_no_number() -> None:
    speeds = {PLAN.shapes[0].key: [MeasuredSpeed(100.0, 4, "box")]}
    seconds, why = dry_run.seconds(PLAN, [1000, 1000], speeds, 1)
    assert seconds is None
    assert why.startswith("the speed of 1 of 2 architectures was never measured here")
