"""Trials written together: MLflow shows the same as of trials written one by one, whatever comes between."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from mlflow_stage import MakeStage, Stage

from services.domain.states import TrialState
from services.store import mirror
from services.tracking import runs_endpoint, trials_mirror
from services.tracking.links import POINT_ENDED_TAG
from services.tracking.mlflow_server import Rejected, Server, TrackingDown
from services.tracking.run_change import MetricPoint, RunChange
from services.tracking.trials_mirror import portions

OF_ONE_SWEEP = {"sweep.id", "mlflow.parentRunId", "trial.id", "pack.id"}


def shown(stage: Stage) -> list[Any]:
    """What MLflow's client sees of each trial, without what differs from sweep to sweep."""
    parent, found = stage.parent().info.run_id, []
    for run in stage.runs():
        points = {
            # A set: the same value at the same step is there twice unless its times are the same, too.
            name: {
                (point.step, repr(point.value))
                for point in stage.client().get_metric_history(run.info.run_id, name)
            }
            for name in run.data.metrics
        }
        tags = {key: value for key, value in run.data.tags.items() if key not in OF_ONE_SWEEP}
        data = [
            (each.dataset.name, each.dataset.digest, each.dataset.source, [vars(tag) for tag in each.tags])
            for each in run.inputs.dataset_inputs
        ]
        info = run.info.run_name, run.info.status, run.info.end_time is None, run.info.user_id
        assert run.data.tags["mlflow.parentRunId"] == parent
        latest = {name: repr(value) for name, value in run.data.metrics.items()}
        found.append((points, latest, run.data.params, tags, data, info))
    return found


def live(stage: Stage) -> None:
    """Train, lose the pack, train again and end in several ways; mirrored after every step."""
    stage.train(1)
    stage.give_up_and_lease_again()
    stage.train(2, val_loss=math.nan)
    assert stage.tracker().mirror(stage.sweep_id)
    stage.train(3)
    stage.end(0, TrialState.SUCCEEDED)
    stage.end(1, TrialState.FAILED, failure={"kind": "crashed", "message": "exit code 1"})
    assert stage.tracker().mirror(stage.sweep_id)
    stage.end(2, TrialState.SUCCEEDED)
    stage.end(3, TrialState.CANCELLED)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)


@pytest.mark.parametrize("steps", [live, lambda stage: end(stage)], ids=["live", "at the end"])
def test_mlflow_shows_the_same_as_by_its_own_requests(
    steps: Any, make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = make_stage()
    steps(together)
    seen = shown(together)
    with monkeypatch.context() as alone:
        alone.setattr(runs_endpoint, "SIGN", "X-Nobody")
        by_itself = make_stage()
        steps(by_itself)
        assert shown(by_itself) == seen
    assert [len(points["val/acc"]) for points, *_ in seen] in ([3] * 4, [1] * 4)


def end(stage: Stage) -> None:
    """Train one epoch and end; mirrored then."""
    stage.train(1)
    for index in range(4):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)


class Killed(BaseException):
    """The process ends here."""


def test_whoever_is_killed_behind_the_request_leaves_no_second_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise Killed

    stage.train(1)
    with monkeypatch.context() as patch:
        patch.setattr(mirror, "mark_trials", killed)
        with pytest.raises(Killed):
            stage.tracker().mirror(stage.sweep_id)
    there = {run.info.run_id for run in stage.runs()}
    assert len(there) == 4
    stage.change_mirrored_sweep(lease_owner=None)
    assert stage.tracker().mirror(stage.sweep_id)
    assert {run.info.run_id for run in stage.runs()} == there
    assert {stage.trial(index).mirror.run_id for index in range(4)} == there
    assert [point.step for point in stage.history(0, "val/acc")] == [1]


@pytest.mark.parametrize("error", [TrackingDown, Rejected])
@pytest.mark.parametrize("known", [False, True])
def test_a_request_whose_answer_is_lost_doubles_nothing(
    error: type[Exception], known: bool, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Server.write_runs

    def lost(self: Server, changes: Sequence[RunChange]) -> list[str | None]:
        write(self, changes)
        raise error("no answer")

    stage.train(1)
    if known:
        assert stage.tracker().mirror(stage.sweep_id)
        stage.train(2)
    monkeypatch.setattr(Server, "write_runs", lost)
    assert stage.tracker().mirror(stage.sweep_id)
    assert len(stage.runs()) == 4
    assert [point.step for point in stage.history(3, "val/acc")] == ([1, 2] if known else [1])
    assert [stage.trial(index).mirror.failures for index in range(4)] == [0] * 4


def test_a_server_that_does_not_do_it_gets_mlflows_own_requests(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Server, "write_runs", lambda _, changes: [None for _ in changes])
    end(stage)
    assert [run.info.status for run in stage.runs()] == ["FINISHED"] * 4
    assert [run.data.metrics["val/acc"] for run in stage.runs()] == [0.501, 0.511, 0.521, 0.531]


def test_a_run_that_was_deleted_is_left_out_and_the_others_are_written(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    stage.client().delete_run(stage.runs()[2].info.run_id)
    stage.train(2)
    assert stage.tracker().mirror(stage.sweep_id)
    assert [stage.trial(index).mirror.left_out for index in range(4)] == [None, None, "deleted", None]
    assert [stage.trial(index).mirror.exported_epoch for index in range(4)] == [2, 2, 1, 2]


def test_points_of_several_seeds_are_marked_together(
    make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[int] = []
    write = Server.write_runs

    def counted(self: Server, changes: Sequence[RunChange]) -> list[str | None]:
        requests.append(len(changes))
        return write(self, changes)

    monkeypatch.setattr(Server, "write_runs", counted)
    monkeypatch.setattr(Server, "log", lambda *_, **__: None)
    stage = make_stage({"seeds": 2})
    for first in 0, 4:
        stage.train(1)
        for index in range(first, first + 4):
            stage.end(index, TrialState.SUCCEEDED)
        if first == 0:
            stage.held = stage.lease()
    stage.tracker().mirror(stage.sweep_id)
    assert requests == [8, 8]
    assert {run.data.tags[POINT_ENDED_TAG] for run in stage.runs()} == {"true"}


def test_portions_have_a_bounded_number_of_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials_mirror, "MAX_POINTS_TOGETHER", 5)
    changes = {
        name: RunChange(name, [MetricPoint("x", 1.0, 1, step) for step in range(count)])
        for name, count in {"a": 2, "b": 3, "c": 6, "d": 1, "e": 5, "f": 0}.items()
    }
    assert [list(some) for some in portions(changes)] == [["a", "b"], ["d"], ["e", "f"]]
