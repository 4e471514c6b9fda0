"""What somebody sees in MLflow: names, params, tags, files, notes and final states."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from mlflow_stage import MakeStage, Stage

from services.domain.states import TrialState
from services.store import trial_verbs


def finish(stage: Stage, **values: object) -> None:
    """Two epochs, then one trial of each end, then the sweep's."""
    stage.train(1)
    stage.train(2)
    stage.end(0, TrialState.FAILED, failure={"kind": "diverged", "message": "loss is no longer finite"})
    stage.end(1, TrialState.CANCELLED)
    stage.end(2, TrialState.PRUNED)
    stage.end(3, TrialState.SUCCEEDED, **values)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    stage.tracker().send_files(stage.sweep_id)


def test_each_trial_ends_as_it_ended(stage: Stage) -> None:
    finish(stage)
    assert [run.info.status for run in stage.runs()] == ["FAILED", "KILLED", "FINISHED", "FINISHED"]
    assert [run.info.end_time for run in stage.runs()] == [stage.trial(i).finished_at for i in range(4)]
    assert [run.info.start_time for run in stage.runs()] == [stage.trial(i).started_at for i in range(4)]
    tags = stage.runs()[0].data.tags
    assert tags["failure.kind"] == "diverged"
    assert tags["failure.message"] == "loss is no longer finite"
    assert stage.parent().info.status == "FINISHED"
    assert stage.parent().data.tags["sweep.state"] == "partial"


def test_a_trial_carries_its_identity_its_worker_and_its_whole_config(make_stage: MakeStage) -> None:
    dropout = [0.0, 0.25]
    optimizers = ["sgd", {"name": "adam", "lr": 0.01}]
    stage = make_stage({"space": {"dropout": dropout, "train.optimizer": optimizers}})
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    parent, runs = stage.parent(), stage.runs()
    run = runs[3]
    expected = {
        "mlflow.parentRunId": parent.info.run_id,
        "sweep.id": stage.sweep_id,
        "sweep.role": "trial",
        "trial.id": stage.trial_ids[3],
        "trial.number": "3",
        "trial.attempt": "1",
        "trial.state": "running",
        "trial.config": "adam, dropout 0.25",
        "worker": "worker-1",
        "device": "host/cpu:0",
    }
    assert run.data.tags.items() >= expected.items()
    assert run.data.params == {
        "model.name": "net",
        "model.depth": "2",
        "model.dropout": "0.25",
        "dropout": "0.25",
        "data.name": "paper",
        "data.validation": "0.1",
        "train.epochs": "3",
        "train.l2.strength": "0.0",
        "train.optimizer": "adam",
        "optimizer": "adam",
        "train.optimizer.name": "adam",
        "train.optimizer.lr": "0.01",
        "train.optimizer.beta": "0.9",
        "trial.seed": str(stage.trial(3).seed),
        "trial.replicate": "0",
    }
    assert len({run.info.run_name for run in runs}) == 4
    assert run.info.run_name == "t003 adam, dropout 0.25"


def test_the_sweep_shows_its_leaderboard(stage: Stage, tmp_path: Path) -> None:
    finish(stage)
    parent = stage.parent()
    assert parent.info.run_name == stage.spec.name
    assert parent.data.metrics == {"sweep/best": 0.532, "sweep/done": 2, "sweep/failed": 1}
    assert json.loads(parent.data.params["space.model.dropout"]) == [0.0, 0.5]
    assert parent.data.tags["sweep.objective"] == "maximize val/acc (best)"
    assert parent.data.tags["sweep.url"].endswith(f"/v1/sweeps/{stage.sweep_id}")
    note = parent.data.tags["mlflow.note.content"]
    rows = [line for line in note.splitlines() if line.startswith("| ") and "t0" in line]
    assert [row.split("[")[1][:4] for row in rows] == ["t003", "t002", "t001", "t000"]
    assert stage.runs()[3].info.run_id in rows[0]
    reports = {"report/leaderboard.csv", "report/trials.csv", "report/report.html"}
    assert stage.artifacts(parent) == {"spec.json"} | reports
    assert json.loads(stage.artifact(parent, "spec.json", tmp_path)) == stage.sweep().spec.model_dump(
        mode="json"
    )
    table = list(csv.DictReader(stage.artifact(parent, "report/trials.csv", tmp_path).decode().splitlines()))
    assert [row["trial"] for row in table] == [stage.trial_ids[i] for i in (3, 2, 1, 0)]
    assert table[0]["run"] == stage.runs()[3].info.run_id


def test_the_experiment_is_the_project_and_the_name(make_stage: MakeStage) -> None:
    first, second = make_stage({"name": "twice"}), make_stage({"name": "twice"})
    for stage in (first, second):
        assert stage.tracker().mirror(stage.sweep_id)
    assert first.parent().info.experiment_id == second.parent().info.experiment_id
    experiment = first.client().get_experiment(first.parent().info.experiment_id)
    assert experiment.name == f"{first.spec.project}/twice"
    assert experiment.tags["mlflow.experiment.primaryMetric.name"] == "best/val_acc"
    assert experiment.tags["mlflow.experiment.primaryMetric.greaterIsBetter"] == "true"


def test_the_best_trials_of_an_ended_sweep_leave_their_files(stage: Stage, tmp_path: Path) -> None:
    weights = stage.settings.files / "best" / "t3.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    finish(stage, best_file="best/t3.safetensors")
    run = stage.runs()[3]
    common = {"config.json", "curves.csv"}
    assert stage.artifacts(run) == common | {"checkpoint/t3.safetensors"}
    assert stage.artifacts(stage.runs()[0]) == common
    assert stage.artifact(run, "checkpoint/t3.safetensors", tmp_path) == b"weights"
    assert json.loads(stage.artifact(run, "config.json", tmp_path))["model"]["name"] == "net"
    curves = list(csv.DictReader(stage.artifact(run, "curves.csv", tmp_path).decode().splitlines()))
    assert [(row["epoch"], row["val/acc"]) for row in curves] == [("1", "0.531"), ("2", "0.532")]
    assert run.data.metrics["gap/acc"] == 0.1


def test_weights_that_are_not_there_are_reported_missing(make_stage: MakeStage) -> None:
    for file in ("best/nowhere.safetensors", "../elsewhere.safetensors"):
        stage = make_stage()
        (stage.settings.files.parent / "elsewhere.safetensors").touch()
        finish(stage, best_file=file)
        assert stage.runs()[3].data.tags["checkpoint"] == f"{file} is missing"


def test_the_best_so_far_can_be_sorted_by_while_trials_run(make_stage: MakeStage) -> None:
    stage = make_stage({"objective": {"metric": "val/loss", "goal": "minimize"}})
    for epoch, loss in enumerate([3.0, 1.0, 2.0], 1):
        stage.train(epoch, val_loss=loss)
        assert stage.tracker().mirror(stage.sweep_id)
    assert [(point.step, point.value) for point in stage.history(0, "best/val_loss")] == [(1, 3.0), (2, 1.0)]
    assert stage.runs()[0].data.metrics["best/epoch"] == 2


def test_a_retried_trial_goes_on_in_its_run(stage: Stage) -> None:
    stage.train(1)
    run_id = stage.give_up_and_lease_again()
    assert stage.runs()[0].info.status == "RUNNING"
    stage.train(2)
    assert stage.tracker().mirror(stage.sweep_id)
    assert stage.runs()[0].info.run_id == run_id
    assert stage.runs()[0].data.tags["trial.attempt"] == "2"
    assert [point.step for point in stage.history(0, "val/acc")] == [1, 2]


def test_a_trial_that_fails_again_before_it_is_mirrored_shows_its_latest_end(stage: Stage) -> None:
    stage.train(1)
    stage.end(0, TrialState.FAILED, failure={"kind": "crashed", "message": "the first time"})
    assert stage.tracker().mirror(stage.sweep_id)
    stage.store.write(lambda session: trial_verbs.retry(session, stage.trial_ids[0]))
    stage.held = stage.lease()
    stage.end(0, TrialState.FAILED, failure={"kind": "crashed", "message": "the second time"})
    assert stage.tracker().behind() == [stage.sweep_id]
    assert stage.tracker().mirror(stage.sweep_id)
    run = stage.runs()[0]
    assert run.data.tags["failure.message"] == "the second time"
    assert run.info.end_time == stage.trial(0).finished_at
    assert [point.step for point in stage.history(0, "val/acc")] == [1]
