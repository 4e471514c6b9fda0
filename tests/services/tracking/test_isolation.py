"""One sweep, trial or file that cannot be mirrored holds up no other, and says why."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mlflow_stage import MakeStage, Stage

from services.domain.states import TrialState
from services.store import mirror_failures
from services.store.models import Trial
from services.tracking import report, sweep_run, trial_run
from services.tracking.mlflow_server import Server, TrackingDown


def broken(trial_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the params of one trial fail."""
    params = trial_run.params

    def failing(trial: Trial, plan: Any) -> dict[str, str]:
        if trial.id == trial_id:
            raise ValueError("no such $^$")
        return params(trial, plan)

    monkeypatch.setattr(trial_run, "params", failing)


def test_a_trial_that_fails_is_tried_again_later_and_others_go_on(
    each_stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage = each_stage
    broken(stage.trial_ids[1], monkeypatch)
    stage.train(1)
    with caplog.at_level(logging.WARNING):
        assert stage.tracker().mirror(stage.sweep_id)
    metrics = [run.data.metrics["val/acc"] for run in stage.runs()]
    assert metrics == [0.501, 0.521, 0.531]
    own = stage.trial(1).mirror
    assert (own.failures, own.reason, own.left_out) == (1, "ValueError: no such $^$", None)
    assert own.not_before > stage.store.now()
    assert stage.tracker().behind() == []  # until then
    monkeypatch.undo()
    stage.change_mirrored_trials(1, not_before=0)
    assert stage.tracker().mirror(stage.sweep_id)
    assert [run.data.metrics["val/acc"] for run in stage.runs()] == [0.501, 0.511, 0.521, 0.531]
    assert (stage.trial(1).mirror.failures, stage.trial(1).mirror.reason) == (0, None)


def test_a_trial_that_fails_too_often_is_left_out_with_its_reason_and_logged_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken(stage.trial_ids[1], monkeypatch)
    stage.train(1)
    with caplog.at_level(logging.WARNING):
        for _ in range(mirror_failures.MAX_FAILURES + 1):
            assert stage.tracker().mirror(stage.sweep_id)
            stage.change_mirrored_trials(1, not_before=0)
    own = stage.trial(1).mirror
    assert (own.failures, own.left_out) == (mirror_failures.MAX_FAILURES, "failed")
    assert own.reason == "ValueError: no such $^$"
    assert len([record for record in caplog.records if stage.trial_ids[1] in record.getMessage()]) == 2
    assert stage.tracker().behind() == []


@pytest.mark.usefixtures("by_rest")
def test_an_error_of_a_server_that_answers_otherwise_is_the_trials(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_data = Server.log_data

    def failing(self: Server, run_id: str, data: Any) -> None:
        if not stage.trial(0).mirror.failures:
            raise TrackingDown("INTERNAL_ERROR")
        log_data(self, run_id, data)

    monkeypatch.setattr(Server, "log_data", failing)
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    assert [stage.trial(index).mirror.failures for index in range(4)] == [1, 0, 0, 0]


def test_a_sweep_that_fails_holds_up_no_other(make_stage: MakeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make_stage(), make_stage()
    identity = sweep_run.identity

    def failing(sweep: Any) -> dict[str, str]:
        if sweep.id == first.sweep_id:
            raise RuntimeError("a bug")
        return identity(sweep)

    monkeypatch.setattr(sweep_run, "identity", failing)
    second.train(1)
    tracker = second.tracker()
    while tracker.round(lambda: False):
        pass
    assert len(second.runs()) == 4
    own = first.sweep().mirror
    assert (own.failures, own.reason, own.run_id) == (1, "RuntimeError: a bug", None)
    monkeypatch.undo()
    first.change_mirrored_sweep(not_before=0)
    assert first.tracker().mirror(first.sweep_id)
    assert (first.sweep().mirror.failures, first.sweep().mirror.reason) == (0, None)


def test_a_file_that_cannot_be_made_costs_no_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def failing(*_: object) -> Any:
        raise ValueError("mathtext")

    monkeypatch.setattr(trial_run, "_table", failing)
    monkeypatch.setattr(report, "best_curves", failing)
    stage.train(1)
    for index in range(4):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()
    tracker = stage.tracker()
    while tracker.round(lambda: False):
        pass
    assert stage.artifacts(stage.runs()[0]) == {"config.json"}
    reason = "curves.csv: ValueError: mathtext"
    assert stage.runs()[0].data.tags["files.left_out"] == reason
    assert stage.trial(0).mirror.reason == reason
    assert stage.artifacts(stage.parent()) == {"spec.json", "report/leaderboard.csv", "report/trials.csv"}
    assert stage.parent().info.status == "FINISHED"
    assert stage.parent().data.tags["files.left_out"] == "report/report.html: ValueError: mathtext"


def test_only_the_best_trials_have_files_and_the_others_name_their_weights(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.tracking.mirror_sweep.MAX_TRIALS_WITH_FILES", 1)
    stage.train(1)
    for index in range(4):
        (stage.settings.files / f"{index}.safetensors").write_bytes(b"weights")
        state = TrialState.FAILED if index == 3 else TrialState.SUCCEEDED
        stage.end(index, state, best_file=f"{index}.safetensors")
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    stage.tracker().send_files(stage.sweep_id)
    files: Sequence[set[str]] = [stage.artifacts(run) for run in stage.runs()]
    best = {"config.json", "curves.csv", "checkpoint/2.safetensors"}
    assert files == [set(), set(), best, set()]
    named = [run.data.tags["checkpoint"] for run in stage.runs()]
    assert named == [f"{index}.safetensors" for index in range(4)]
