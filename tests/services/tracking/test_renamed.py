"""A sweep's new name and description reach MLflow; what other sweeps share keeps its name."""

from __future__ import annotations

import json
import uuid

import pytest
from mlflow_stage import MakeStage, Stage
from strange_names import STRANGE

from services.domain.states import TrialState
from services.store import editing
from services.store.models import Sweep
from services.tracking import sweep_run
from services.tracking.saved_view import VIEW_TAG


def rename(stage: Stage, name: str | None = None, description: str | None = None) -> None:
    stage.store.write(lambda session: editing.edit(session, stage.sweep_id, name, description))
    assert stage.tracker().behind() == [stage.sweep_id]
    assert stage.tracker().mirror(stage.sweep_id)
    assert stage.tracker().behind() == []


def experiment(stage: Stage) -> tuple[str, dict[str, str]]:
    found = stage.client().get_experiment(stage.parent().info.experiment_id)
    return found.name, found.tags


def mirrored(stage: Stage, ended: bool = False) -> Stage:
    stage.train(1)
    if ended:
        for index in range(len(stage.trial_ids)):
            stage.end(index, TrialState.SUCCEEDED)
        stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    return stage


@pytest.mark.parametrize("ended", [False, True])
def test_run_note_view_and_experiment_follow(make_stage: MakeStage, ended: bool) -> None:
    stage = mirrored(make_stage(), ended)
    project = stage.sweep().project
    rename(stage, "Größe / 学习率", "Now *described*.")
    assert stage.parent().info.run_name == "Größe / 学习率"
    assert "Now \\*described\\*." in stage.parent().data.tags["mlflow.note.content"]
    name, tags = experiment(stage)
    assert name == f"{project}/Größe / 学习率"
    assert "**Größe / 学习率**" in tags["mlflow.note.content"]
    view = json.loads(tags[f"{VIEW_TAG}sweep-{stage.sweep_id}"])
    assert view["name"] == f"Größe / 学习率 · {stage.sweep_id}"
    assert len(stage.runs()) == 4


def test_a_shared_experiment_keeps_its_name(make_stage: MakeStage) -> None:
    first, second = mirrored(make_stage({"name": "both"})), mirrored(make_stage({"name": "both"}))
    before, _ = experiment(first)
    rename(first, "other")
    assert first.parent().info.run_name == "other"
    assert experiment(first)[0] == experiment(second)[0] == before
    assert second.parent().info.run_name == "both"


def test_a_name_that_another_experiment_has_is_left_to_it(make_stage: MakeStage) -> None:
    first, second = mirrored(make_stage({"name": "one"})), mirrored(make_stage({"name": "two"}))
    before, _ = experiment(second)
    rename(second, "one")
    assert second.parent().info.run_name == "one"
    assert experiment(second)[0] == before
    assert experiment(first)[0].endswith("/one")


@pytest.mark.parametrize("name", STRANGE)
def test_any_name_is_one_in_mlflow(make_stage: MakeStage, name: str) -> None:
    project = f"{name[:60]} {uuid.uuid4().hex[:6]}"
    stage = mirrored(make_stage({"name": name, "project": project}))
    assert stage.parent().info.run_name == name
    assert experiment(stage)[0] == sweep_run.experiment(stage.sweep())
    assert len(stage.runs()) == 4


def test_projects_and_names_with_slashes_are_no_others(make_stage: MakeStage) -> None:
    pairs = [("a", "b/c"), ("a/b", "c"), ("a%2Fb", "c"), ("a%252Fb", "c"), ("a/b/c", "d"), ("a", "b/c/d")]
    plan = make_stage().sweep().plan
    found = {sweep_run.experiment(Sweep(project=project, name=name, plan=plan)) for project, name in pairs}
    assert len(found) == len(pairs)
    long = [Sweep(project="/" * 100, name="n" * 99 + last, plan=plan) for last in "ab"]
    assert {len(sweep_run.experiment(each)) for each in long} == {250}
    assert len({sweep_run.experiment(each) for each in long}) == 2
