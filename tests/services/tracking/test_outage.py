"""MLflow may be killed, hang or lose its data: training goes on, and later everything arrives."""

from __future__ import annotations

import pytest
from mlflow_stage import Stage
from servers import mlflow

from services.tracking.mlflow_server import TrackingDown


@pytest.mark.long
def test_training_goes_on_while_mlflow_is_away(stage: Stage, mlflow_server: mlflow.Mlflow) -> None:
    stage.train(1)
    tracker = stage.tracker()
    assert tracker.mirror(stage.sweep_id)
    mlflow_server.server.kill()
    try:
        stage.train(2)
        with pytest.raises(TrackingDown):
            tracker.mirror(stage.sweep_id)
        stage.train(3)
        assert tracker.behind() == [stage.sweep_id]
        assert stage.sweep().mirror.lease_owner is None
    finally:
        mlflow_server.restart()
    assert tracker.mirror(stage.sweep_id)
    assert [point.step for point in stage.history(3, "val/acc")] == [1, 2, 3]


@pytest.mark.timeout(60)  # by itself MLflow's client tries for four minutes
def test_a_server_that_does_not_answer_is_given_up(
    stage: Stage, mlflow_server: mlflow.Mlflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")  # so that it is undone
    monkeypatch.setattr("services.tracking.mlflow_server.REQUEST_SECONDS", 1)
    stage.train(1)
    tracker = stage.tracker()
    assert tracker.mirror(stage.sweep_id)
    stage.train(2)
    with mlflow_server.server.stopped(), pytest.raises(TrackingDown):
        tracker.mirror(stage.sweep_id)
    assert tracker.mirror(stage.sweep_id)
    assert [point.step for point in stage.history(0, "val/acc")] == [1, 2]


@pytest.mark.long
def test_a_server_that_lost_its_data_is_filled_anew(each_stage: Stage) -> None:
    stage = each_stage
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    stage.change_mirrored_sweep(run_id="0" * 32)
    stage.change_mirrored_trials(run_id="0" * 32)
    for run in [stage.parent(), *stage.runs()]:
        stage.client().set_tag(run.info.run_id, "sweep.role", "lost")
    stage.train(2)
    assert not stage.tracker().mirror(stage.sweep_id)
    assert stage.tracker().mirror(stage.sweep_id)
    assert [point.step for point in stage.history(0, "val/acc")] == [1, 2]
    assert stage.tracker().behind() == []
