"""MLflow follows SQL: everything arrives, in order, with the time it was first reported."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

import pytest
from mlflow_stage import MakeStage, Stage

from services.domain.states import TrialState
from services.store import sweep_verbs
from services.tracking import ranked_sweep, trial_run
from services.tracking.mlflow_server import MAX_PER_REQUEST, Server


@pytest.mark.long
def test_an_export_grows_with_the_epochs(each_stage: Stage) -> None:
    stage = each_stage
    tracker = stage.tracker()
    for epoch in (1, 2, 3):
        stage.train(epoch)
        assert tracker.behind() == [stage.sweep_id]
        assert tracker.mirror(stage.sweep_id)
        assert tracker.behind() == []
        assert [point.step for point in stage.history(2, "val/acc")] == list(range(1, epoch + 1))
    reports = stage.curve(2)
    assert [point.timestamp for point in stage.history(2, "val/acc")] == [report.at for report in reports]
    assert [point.value for point in stage.history(2, "val/acc")] == [0.521, 0.522, 0.523]
    assert stage.runs()[2].data.metrics["perf/images_per_s"] == 1234.57
    assert stage.runs()[2].data.metrics["best/val_acc"] == stage.trial(2).best_value
    assert [run.info.status for run in stage.runs()] == ["RUNNING"] * 4
    assert stage.sweep().mirror.lease_owner is None


@pytest.mark.long
def test_exporting_again_changes_nothing(each_stage: Stage) -> None:
    stage = each_stage
    stage.train(1)
    stage.train(2)
    stage.end(0, TrialState.SUCCEEDED)
    assert stage.tracker().mirror(stage.sweep_id)
    before = stage.everything()
    stage.change_mirrored_trials(exported_epoch=0, exported_state=None)
    stage.change_mirrored_sweep(exported=None)
    assert stage.tracker().mirror(stage.sweep_id)
    assert stage.everything() == before


@pytest.mark.usefixtures("by_rest")
def test_trials_of_a_sweep_that_has_ended_are_written_several_at_once_after_their_data_set(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)
    log_data, tags = Server.log_data, trial_run.tags
    seen: list[str] = []

    def together(*of: Any) -> dict[str, str]:
        both.wait(20)
        return tags(*of)

    def slow(*of: Any) -> None:
        seen.append("begins")
        time.sleep(0.2)
        log_data(*of)
        seen.append("ends")

    monkeypatch.setattr(trial_run, "tags", together)
    monkeypatch.setattr(Server, "log_data", slow)
    stage.train(1)
    for index in range(4):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    assert [run.info.status for run in stage.runs()] == ["FINISHED"] * 4
    assert (seen[:2], len(seen)) == (["begins", "ends"], 8)  # a new data set comes alone


def test_a_sweep_that_has_ended_is_ranked_once_all_its_trials_are_there(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.train(1)
    for index in range(4):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()
    ranked: list[int] = []
    read = ranked_sweep.read
    monkeypatch.setattr(ranked_sweep, "read", lambda *of: ranked.append(len(stage.runs())) or read(*of))
    assert not stage.tracker().mirror(stage.sweep_id, 0.0)
    assert stage.tracker().mirror(stage.sweep_id)
    assert ranked == [4]


def test_a_sweep_that_is_retried_goes_on_in_mlflow_too(stage: Stage) -> None:
    stage.train(1)
    for index in range(4):
        stage.end(index, TrialState.FAILED, failure={"kind": "crashed", "message": "gone"})
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    assert stage.parent().info.status == "FAILED"
    stage.store.write(lambda session: sweep_verbs.retry(session, stage.sweep_id))
    assert stage.tracker().mirror(stage.sweep_id)
    assert stage.parent().info.status == "RUNNING"
    assert {run.info.status for run in stage.runs()} == {"SCHEDULED"}


def test_values_that_are_not_finite_are_gaps(stage: Stage) -> None:
    stage.train(1, val_loss=math.nan, train_loss=math.inf)
    stage.train(2)
    assert stage.tracker().mirror(stage.sweep_id)
    for name in ("val/loss", "train/loss"):
        first, second = (point.value for point in stage.history(0, name))
        assert math.isnan(first)
        assert math.isfinite(second)


@pytest.mark.long
def test_more_points_than_one_request_takes(make_stage: MakeStage) -> None:
    stage = make_stage({"space": {"model.dropout": [0.0]}, "train": {"epochs": 170}})
    for epoch in range(1, 171):
        stage.train(epoch)
    assert MAX_PER_REQUEST["metrics"] < 170 * 7
    assert stage.tracker().mirror(stage.sweep_id)
    for name in ("train/loss", "val/acc", "best/epoch"):
        assert [point.step for point in stage.history(0, name)] == list(range(1, 171))


def test_a_trial_that_never_ran_has_no_run(each_stage: Stage) -> None:
    stage = each_stage
    stage.change_trials(3, started_at=None, state=TrialState.CANCELLED, pack_id=None)
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    assert [run.data.tags["trial.number"] for run in stage.runs()] == ["0", "1", "2"]
    assert stage.tracker().behind() == []


def test_a_trial_that_mlflow_refuses_holds_up_no_other(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    stage.train(2, **{"val/" + "x" * 300: 1.0})
    stage.change_mirrored_trials(1, 2, 3, exported_epoch=2)
    assert stage.tracker().mirror(stage.sweep_id)
    assert stage.trial(0).mirror.left_out == "refused"
    assert stage.tracker().behind() == []
    assert stage.sweep().mirror.left_out is None


def test_without_a_server_there_is_nothing_to_do(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker(mlflow_url=None).mirror(stage.sweep_id)


def test_mlflow_prints_nothing_into_the_workers_log(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.train(1)
    stage.end(0, TrialState.SUCCEEDED)
    assert stage.tracker().mirror(stage.sweep_id)
    assert capsys.readouterr() == ("", "")


def test_where_the_last_epoch_counts_its_errors_are_there_at_each_epoch(make_stage: MakeStage) -> None:
    stage = make_stage({"objective": {"metric": "val/acc", "at": "last"}})
    for epoch in (1, 2):
        stage.train(epoch)
    stage.report(3, {t: {"val/acc": 0.25, "train/loss": 1.0} for t in stage.trial_ids}, {})
    assert stage.tracker().mirror(stage.sweep_id)
    assert [point.value for point in stage.history(2, "last/val_error_percent")] == [47.9, 47.8, 75.0]
