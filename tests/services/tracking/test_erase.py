"""What MLflow has of a deleted sweep goes, with its files, and what others have stays."""

from __future__ import annotations

import uuid

from mlflow.entities import ViewType
from mlflow_stage import MakeStage, Stage

from services.domain.states import TrialState
from services.store import deletion
from services.tracking.erase import erase
from services.tracking.mlflow_server import Server
from services.tracking.model_server import ModelServer
from services.tracking.run_change import MetricPoint
from services.tracking.saved_view import VIEW_TAG


def finished(stage: Stage) -> Stage:
    """The stage with all of its sweep in MLflow, files as well."""
    stage.train(1)
    for index in range(len(stage.trial_ids)):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    stage.tracker().send_files(stage.sweep_id)
    return stage


def delete(stage: Stage, is_over: bool = False) -> bool:
    if stage.store.read(deletion.waiting) == []:
        stage.store.write(lambda session: deletion.begin(session, stage.sweep_id))
    return erase(stage.store, stage.settings, stage.sweep_id, lambda: is_over)


def names(stage: Stage, view: int = ViewType.ACTIVE_ONLY) -> list[str]:
    return [each.name for each in stage.client().search_experiments(view_type=view)]


def test_runs_files_views_and_the_experiment_go(make_stage: MakeStage) -> None:
    stage = finished(make_stage())
    parent = stage.parent()
    experiment = stage.client().get_experiment(parent.info.experiment_id)
    assert stage.artifacts(parent)
    assert not delete(stage, is_over=True), "the time was over at once"
    assert len(stage.runs()) == 4
    assert delete(stage)
    assert stage.runs() == stage.runs("sweep") == []
    assert experiment.name not in names(stage)
    assert delete(stage), "once more"
    stage.client().restore_experiment(experiment.experiment_id)
    for run in stage.runs("replaced", ViewType.ALL):
        stage.client().restore_run(run.info.run_id)
        assert stage.artifacts(run) == set()


def test_models_go_unless_somebody_has_registered_them(make_stage: MakeStage) -> None:
    stage = finished(make_stage({"name": uuid.uuid4().hex}))
    run = Server(str(stage.settings.mlflow_url)).run(stage.parent().info.run_id)
    models = ModelServer(Server(str(stage.settings.mlflow_url)))
    tags = {"sweep.id": stage.sweep_id}
    lost, kept = (models.create(run, name, tags, {}) for name in ("lost", "kept"))
    for model in (lost, kept):
        models.upload(run, model, {"weights.txt": "0.5"})
        models.finish(run, model, MetricPoint("val/acc", 0.5, 1, 1))
    models.register(kept, uuid.uuid4().hex, "the winner")
    assert delete(stage)
    left = stage.client().search_logged_models([run.experiment_id], f"tags.`sweep.id` = '{stage.sweep_id}'")
    assert [each.model_id for each in left] == [kept.model_id]


def test_other_sweeps_of_the_experiment_keep_theirs(make_stage: MakeStage) -> None:
    first, second = finished(make_stage({"name": "both"})), finished(make_stage({"name": "both"}))
    shown = second.everything()
    assert delete(first)
    assert first.runs() == []
    assert second.everything() == shown
    tags = second.client().get_experiment(second.parent().info.experiment_id).tags
    views = [tag for tag in tags if tag.startswith(VIEW_TAG)]
    assert views == [f"{VIEW_TAG}sweep-{second.sweep_id}"]


def test_an_experiment_that_a_new_sweep_will_need_stays(make_stage: MakeStage) -> None:
    first = finished(make_stage({"name": "next"}))
    second = make_stage({"name": "next"})
    experiment = first.client().get_experiment(first.parent().info.experiment_id).name
    assert delete(first)
    assert experiment in names(first)
    assert second.tracker().mirror(second.sweep_id)
    assert second.parent().info.experiment_id is not None


def test_a_new_sweep_does_not_bring_deleted_runs_back(make_stage: MakeStage) -> None:
    first = finished(make_stage({"name": "again"}))
    assert delete(first)
    second = finished(make_stage({"name": "again"}))
    assert first.runs() == first.runs("sweep") == []
    assert len(second.runs()) == 4


def test_runs_that_sql_does_not_name_go_as_well(make_stage: MakeStage) -> None:
    stage = finished(make_stage())
    stage.change_mirrored_trials(0, run_id=None)
    assert delete(stage)
    assert stage.runs() == []


def test_who_mirrors_the_sweep_ends_first(make_stage: MakeStage) -> None:
    stage = finished(make_stage())
    now = stage.store.now()
    stage.change_mirrored_sweep(lease_owner="somebody", lease_until=now + 60_000)
    assert not delete(stage)
    assert len(stage.runs()) == 4
    stage.change_mirrored_sweep(lease_until=now - 1)
    assert delete(stage)


def test_nothing_is_mirrored_of_a_sweep_that_is_being_deleted(make_stage: MakeStage) -> None:
    stage = finished(make_stage())
    tracker = stage.tracker()
    assert delete(stage)
    assert tracker.behind() == []
    assert tracker.mirror(stage.sweep_id)
    assert stage.runs() == []


def test_an_mlflow_that_has_lost_the_sweep_is_no_obstacle(make_stage: MakeStage) -> None:
    stage = finished(make_stage())
    stage.change_mirrored_sweep(experiment_id="987654321987654321")
    assert delete(stage)
