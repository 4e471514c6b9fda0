"""services/tracking/trial_run.py."""

from __future__ import annotations

import json
import math
from typing import Any

from paper_catalog import ACCURACY, paper_plan, paper_spec

from services.domain.plan.plan import Fork, Plan
from services.domain.spec.spec import Objective
from services.domain.states import TrialState
from services.store.models import Pack, Report, Trial
from services.tracking import trial_run

SPACE = {"train.optimizer": ["sgd", {"name": "adam", "lr": 0.01}], "train.optimizer.lr": [0.05, 0.2]}


def trial(plan: Plan, number: int, **changes: Any) -> Trial:
    point = plan.point_of(number)
    fields = {
        "id": f"s-{number}",
        "sweep_id": "s",
        "number": number,
        "point": point,
        "replicate": 1,
        "seed": 3,
    }
    return Trial(**fields | {"values": plan.values(point), "shape": plan.shape_of(point)} | changes)


def curve(*accuracies: float) -> list[Report]:
    return [
        Report(epoch=epoch, at=1000 * epoch, metrics={"val/acc": value, "train/acc": value + 0.1})
        for epoch, value in enumerate(accuracies, 1)
    ]


def test_a_run_is_called_by_the_rate_that_trains() -> None:
    plan = paper_plan(paper_spec(space=SPACE, seeds=2))
    found = trial(plan, 7)
    assert trial_run.name(found, plan) == "t007 s1 adam, lr 0.2"
    identity = trial_run.identity(found, plan, "parent")
    assert (identity["trial.config"], identity["trial.point"]) == ("adam, lr 0.2", "p3 adam, lr 0.2")
    assert "data.class_names" not in identity


def test_a_run_of_a_fold_has_a_tag() -> None:
    plan = paper_plan(paper_spec(space=SPACE, data={"name": "paper", "folds": 3}))
    assert trial_run.identity(trial(plan, 0, replicate=2), plan, "parent")["trial.fold"] == "2"
    plan = paper_plan(paper_spec(space=SPACE, seeds=2))
    assert "trial.fold" not in trial_run.identity(trial(plan, 0), plan, "parent")


def test_a_run_has_the_names_of_its_classes() -> None:
    plan = paper_plan(paper_spec(space=SPACE))
    named = [shape.model_copy(update={"class_names": ["big cats", "kleine Hünde"]}) for shape in plan.shapes]
    plan = plan.model_copy(update={"shapes": named})
    identity = trial_run.identity(trial(plan, 1), plan, "parent")
    assert identity["data.class_names"] == "0 big cats, 1 kleine Hünde"


def test_a_fork_s_run_names_the_trial_that_it_goes_on_from() -> None:
    fork = Fork(trial="p-0001", name="paper", replicate=0, seed=3, changed={"train.optimizer.lr": 0.01})
    plan = paper_plan(paper_spec(space=SPACE)).model_copy(update={"fork": fork})
    identity = trial_run.identity(trial(plan, 0, forked_from="p-0001", start_epoch=4), plan, "parent")
    assert identity["forked.from"] == "p-0001 epoch 4"
    assert trial_run.name(trial(plan, 0), plan) == "fork of p-0001, lr 0.01"
    words = "Goes on from trial p-0001 after its epoch 4, with train.optimizer.lr 0.01."
    assert identity["mlflow.note.content"].replace("\\", "") == words
    assert "forked.from" not in trial_run.identity(trial(plan, 0), plan, "parent")


def test_params_are_the_whole_config_that_trains() -> None:
    plan = paper_plan(paper_spec(space=SPACE))
    params = trial_run.params(trial(plan, 3), plan)
    assert (params["train.optimizer"], params["train.optimizer.lr"]) == ("adam", "0.2")
    assert (params["train.optimizer.name"], params["train.optimizer.beta"]) == ("adam", "0.9")
    assert (params["model.depth"], params["trial.replicate"]) == ("2", "1")


def test_a_new_best_is_a_point_and_what_was_exported_is_not_repeated() -> None:
    found = trial_run.points(curve(0.5, 0.4, 0.75), Objective(), [ACCURACY], after=0)
    best = [(point.step, point.value) for point in found if point.name == "best/val_acc"]
    assert best == [(1, 0.5), (3, 0.75)]
    errors = [point.value for point in found if point.name == "best/val_error_percent"]
    assert errors == [50.0, 25.0]
    later = trial_run.points(curve(0.5, 0.4, 0.75), Objective(), [ACCURACY], after=2)
    assert {point.step for point in later} == {3}


def test_the_gap_is_known_at_the_end_of_a_trial_only() -> None:
    plan = paper_plan(paper_spec())
    running = trial(plan, 0, best_epoch=2, state=TrialState.RUNNING)
    assert trial_run.closing(running, curve(0.5, 0.75), [ACCURACY]) == []
    ended = trial(plan, 0, best_epoch=2, state=TrialState.SUCCEEDED)
    (point,) = trial_run.closing(ended, curve(0.5, 0.75), [ACCURACY])
    assert (point.name, point.step, point.at) == ("gap/acc", 2, 2000)
    assert math.isclose(point.value, 0.1)


def test_the_digest_of_data_is_that_of_the_content_where_there_is_one() -> None:
    plan = paper_plan(paper_spec())
    base = plan.base | {"data": plan.base["data"] | {"digest": "d" * 64}}
    known = plan.model_copy(update={"base": base})
    assert trial_run.data_set(trial(known, 0), known).digest == "d" * 16
    assert trial_run.data_set(trial(plan, 0), plan).digest != "d" * 16


def test_a_run_has_the_name_of_its_device() -> None:
    found = trial(paper_plan(paper_spec(space=SPACE)), 0, state=TrialState.RUNNING, attempts=1)
    machine = {"kind": "NVIDIA H200", "torch": "2.13.0", "threads": 1, "memory": 2**37}
    engine = {"steps": "recorded", "precision": "tf32"}
    pack = Pack(id="p", width=4, worker="box:1", device="GPU-a", machine=machine, engine=engine)
    tags = trial_run.tags(found, pack)
    assert (tags["device"], tags["device.name"]) == ("GPU-a", "NVIDIA H200")
    assert json.loads(tags["machine"])["memory"] == 2**37
    assert json.loads(tags["engine"]) == engine
    pack.machine = pack.engine = None  # the runner is not ready yet
    assert not {"device.name", "engine"} & trial_run.tags(found, pack).keys()


def test_a_pruned_trial_says_by_which_rule_and_why_and_every_state_has_a_status() -> None:
    plan = paper_plan(paper_spec())
    stopped = {"rule": "halving", "rung": 1, "reason": "place 9 of 9 points"}
    pruned = trial(plan, 0, state=TrialState.PRUNED, attempts=1, stopped=stopped)
    tags = trial_run.tags(pruned, None)
    assert (tags["stopped.rule"], tags["stopped.reason"]) == ("halving", "place 9 of 9 points")
    assert set(trial_run.TRIAL_RUN_STATUS) == set(TrialState)
