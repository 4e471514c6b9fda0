"""Nothing is written twice, whoever exports, however often, and wherever it was killed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from mlflow_stage import Stage

from services.domain.states import TrialState
from services.tracking.mlflow_server import MlflowRun, Server


@pytest.mark.long
def test_two_exporters_at_once_double_nothing(each_stage: Stage) -> None:
    stage = each_stage
    for epoch in (1, 2):
        stage.train(epoch)
        trackers = [stage.tracker() for _ in range(3)]
        with ThreadPoolExecutor(len(trackers)) as pool:
            assert any(pool.map(lambda tracker: tracker.mirror(stage.sweep_id), trackers))
    assert stage.tracker().mirror(stage.sweep_id)
    assert len(stage.runs()) == 4
    assert len(stage.runs("sweep")) == 1
    assert [point.step for point in stage.history(3, "val/acc")] == [1, 2]


def test_who_finds_the_lease_taken_tries_again_and_an_old_lease_is_free(each_stage: Stage) -> None:
    stage = each_stage
    far = stage.store.now() + 60_000
    stage.train(1)
    stage.change_mirrored_sweep(lease_owner="somebody", lease_until=far)
    assert not stage.tracker().mirror(stage.sweep_id)
    assert stage.runs() == []
    stage.change_mirrored_sweep(lease_until=stage.store.now() - 1)
    assert stage.tracker().mirror(stage.sweep_id)
    assert len(stage.runs()) == 4


def test_an_exporter_that_was_too_slow_leaves_no_second_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.train(1)
    create = Server.create_run

    def slow(self: Server, *args: Any) -> MlflowRun:
        monkeypatch.setattr(Server, "create_run", create)
        stage.change_mirrored_sweep(lease_until=0)
        assert stage.tracker().mirror(stage.sweep_id)
        return create(self, *args)

    monkeypatch.setattr(Server, "create_run", slow)
    assert not stage.tracker().mirror(stage.sweep_id)
    assert len(stage.runs("sweep")) == 2
    for index in range(4):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    assert stage.parent().info.run_id == stage.sweep().mirror.run_id
    assert len(stage.runs()) == 4


@pytest.mark.long
def test_a_run_that_sql_never_heard_of_is_found_again(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    before = stage.everything()
    stage.change_mirrored_trials(run_id=None, begun=True, exported_epoch=0, exported_state=None)
    stage.change_mirrored_sweep(run_id=None, experiment_id=None, exported=None)
    assert stage.tracker().mirror(stage.sweep_id)
    assert stage.everything() == before


def test_a_second_run_is_removed_at_the_sweeps_end(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    first = stage.runs()[1]
    client = stage.client()
    client.create_run(first.info.experiment_id, tags=first.data.tags, start_time=first.info.start_time + 1)
    assert len(stage.runs()) == 5
    for index in range(4):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    assert [run.info.run_id for run in stage.runs() if run.data.tags["trial.number"] == "1"] == [
        first.info.run_id
    ]
