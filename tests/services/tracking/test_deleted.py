"""What a user deletes in MLflow stays deleted, and nothing else suffers."""

from __future__ import annotations

import pytest
from mlflow_stage import MakeStage, Stage

from services.domain.states import TrialState


def test_a_run_deleted_by_a_user_stays_deleted(stage: Stage) -> None:
    stage.train(1)
    tracker = stage.tracker()
    assert tracker.mirror(stage.sweep_id)
    gone = stage.runs()[1].info.run_id
    stage.client().delete_run(gone)
    stage.train(2)
    assert tracker.mirror(stage.sweep_id)
    stage.train(2, val_loss=0.125)
    assert tracker.mirror(stage.sweep_id)
    assert stage.trial(1).mirror.left_out == "deleted"
    assert stage.trial(1).state == TrialState.RUNNING
    assert [run.data.tags["trial.number"] for run in stage.runs()] == ["0", "2", "3"]
    assert tracker.behind() == []


def test_a_correction_does_not_bring_a_deleted_run_back(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    stage.client().delete_run(stage.runs()[1].info.run_id)
    stage.train(1, val_loss=0.125)
    assert stage.tracker().mirror(stage.sweep_id)
    assert stage.trial(1).mirror.left_out == "deleted"
    assert len(stage.runs()) == 3


@pytest.mark.parametrize("what", ["run", "experiment"])
def test_a_sweep_deleted_by_a_user_stays_deleted(stage: Stage, what: str) -> None:
    stage.train(1)
    tracker = stage.tracker()
    assert tracker.mirror(stage.sweep_id)
    parent = stage.parent()
    if what == "run":
        stage.client().delete_run(parent.info.run_id)
    else:
        stage.client().delete_experiment(parent.info.experiment_id)
    stage.train(2)
    assert tracker.mirror(stage.sweep_id)
    assert tracker.mirror(stage.sweep_id)
    assert stage.sweep().mirror.left_out == "deleted"
    assert stage.runs("sweep") == []
    assert tracker.behind() == []


def test_a_new_sweep_restores_its_deleted_experiment(make_stage: MakeStage) -> None:
    first = make_stage({"name": "again"})
    first.train(1)
    assert first.tracker().mirror(first.sweep_id)
    first.train(1, val_loss=0.125)
    assert first.tracker().mirror(first.sweep_id)
    experiment = first.parent().info.experiment_id
    first.client().delete_experiment(experiment)
    second = make_stage({"name": "again"})
    assert second.tracker().mirror(second.sweep_id)
    assert second.parent().info.experiment_id == experiment
    assert len(first.runs("replaced")) == 0
