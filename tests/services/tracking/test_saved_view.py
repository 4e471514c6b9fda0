"""The saved views: charts of what is there, under the sweep's filter; an export does without them."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from mlflow_stage import MakeStage, Stage
from paper_catalog import paper_plan, paper_spec

from services.domain.states import TrialState
from services.tracking import saved_view
from services.tracking.mlflow_server import Server, TrackingDown

TRIALS, MEANS = "mlflow.sharedViewState.sweep-{}", "mlflow.sharedViewState.sweep-{}-means"


def view(**changes: Any) -> dict[str, Any]:
    spec = paper_spec(**changes)
    return saved_view.state("ab12", paper_plan(spec), spec.objective)


def charts(state: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [chart for chart in state["compareRunCharts"] if chart["type"] == kind]


def experiment_tags(stage: Stage) -> dict[str, str]:
    experiment: Any = stage.client().get_experiment(stage.parent().info.experiment_id)
    return dict(experiment.tags)


def test_a_view_shows_one_sweep_best_first() -> None:
    state = view()
    assert state["searchFilter"] == "tags.`sweep.id`='ab12' AND tags.`sweep.role`='trial'"
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`best/val_acc`", False)
    last = view(objective={"metric": "train/loss", "at": "last"})
    assert (last["orderByKey"], last["orderByAsc"]) == ("metrics.`last/train_loss`", True)


def test_of_many_trials_charts_show_the_ten_best() -> None:
    many = {"model.dropout": [step / 100 for step in range(21)]}
    assert view(space={"model.dropout": [0.1]})["runsHiddenMode"] == "FIRST_20_RUNS"
    assert view(space=many)["runsHiddenMode"] == "FIRST_10_RUNS"
    spec = paper_spec(space={"model.dropout": [0.0, 0.1]}, seeds=30)
    plan = paper_plan(spec)
    assert saved_view.state("ab12", plan, spec.objective)["runsHiddenMode"] == "FIRST_10_RUNS"
    assert saved_view.means_state("ab12", plan, spec.objective)["runsHiddenMode"] == "FIRST_20_RUNS"


def test_every_chart_has_a_section_and_a_name_of_its_own() -> None:
    state = view(seeds=3)
    sections = {section["uuid"] for section in state["compareRunSections"]}
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} <= sections
    uuids = [chart["uuid"] for chart in state["compareRunCharts"]]
    assert len(set(uuids)) == len(uuids)


def test_charts_are_for_axes_and_metrics_that_are_there() -> None:
    space = {
        "model.dropout": [0.0, 0.5],
        "train.l2": [1e-3, 1e-1],
        "train.optimizer": ["sgd", "adam"],
        "depth": 2,
    }
    state = view(space=space)
    (parallel,) = charts(state, "PARALLEL")
    assert set(parallel["selectedParams"]) == {"dropout", "log10 l2", "optimizer"}
    assert parallel["selectedMetrics"] == ["best/val_acc"]
    assert {chart["xaxis"]["key"] for chart in charts(state, "SCATTER")} == {
        "dropout",
        "log10 l2",
    }
    assert [chart["metricKey"] for chart in charts(state, "LINE")] == [
        "val/acc",
        "val/loss",
        "train/acc",
        "train/loss",
    ]
    assert [chart["metricKey"] for chart in charts(state, "BAR")] == ["best/val_error_percent"]
    without = view(data={"name": "paper", "validation": 0}, objective={"metric": "train/acc"})
    assert {chart["metricKey"] for chart in charts(without, "LINE")} == {"train/acc", "train/loss"}
    assert not charts(view(space={}), "PARALLEL")


def test_an_axis_with_a_zero_has_no_logarithm_in_charts() -> None:
    (parallel,) = charts(view(space={"train.l2": [0, 1e-3, 1e-1]}), "PARALLEL")
    assert parallel["selectedParams"] == ["l2"]


def test_an_axis_that_some_trials_lack_is_not_among_the_coordinates_of_all() -> None:
    space = {
        "train.optimizer": ["sgd", "adam"],
        "train.optimizer.beta": {"choice": [0.8, 0.9], "when": {"train.optimizer": "adam"}},
    }
    state = view(space=space)
    (parallel,) = charts(state, "PARALLEL")
    assert parallel["selectedParams"] == ["optimizer"]
    assert [chart["xaxis"]["key"] for chart in charts(state, "SCATTER")] == ["beta"]


def test_means_over_seeds_have_a_view_of_their_own(make_stage: MakeStage) -> None:
    stage = make_stage({"seeds": 2, "space": {"model.dropout": [0.0, 0.5]}})
    stage.train(1)
    assert not stage.sweep().mirror.view_saved
    assert stage.tracker().mirror(stage.sweep_id)
    assert stage.sweep().mirror.view_saved
    tags = experiment_tags(stage)
    trials = saved_view.read(tags[TRIALS.format(stage.sweep_id)])
    means = saved_view.read(tags[MEANS.format(stage.sweep_id)])
    assert trials["groupBy"] is None
    key = {"mode": "tag", "groupByData": "trial.point"}
    assert means["groupBy"] == {"aggregateFunction": "average", "groupByKeys": [key]}
    points = {run.data.tags["trial.point"] for run in stage.runs()}
    assert points == {"p0 dropout 0", "p1 dropout 0.5"}
    assert means["groupsExpanded"] == {f"tag.trial.point.{point}": False for point in points}
    assert means["searchFilter"] == f"{trials['searchFilter']} AND tags.`trial.point_ended`='true'"
    assert all(len(value) < 5000 for value in tags.values())


def test_the_means_leave_out_points_whose_trials_are_not_all_there(make_stage: MakeStage) -> None:
    stage = make_stage({"seeds": 2, "space": {"model.dropout": [0.0, 0.5]}})
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    means = saved_view.read(experiment_tags(stage)[MEANS.format(stage.sweep_id)])

    def shown() -> set[str]:
        experiment = stage.parent().info.experiment_id
        found = stage.client().search_runs([experiment], means["searchFilter"])
        return {run.data.tags["trial.point"] for run in found}

    assert shown() == set()
    point = stage.trial(0).point
    replicates = [index for index in range(4) if stage.trial(index).point == point]
    stage.end(replicates[0], TrialState.SUCCEEDED)
    assert stage.tracker().mirror(stage.sweep_id)
    assert shown() == set()
    stage.end(replicates[1], TrialState.SUCCEEDED)
    assert stage.tracker().mirror(stage.sweep_id)
    assert shown() == {f"p{point} dropout 0"}


def test_the_view_is_there_before_the_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_: object) -> None:
        raise TrackingDown("away")

    monkeypatch.setattr(Server, "create_run", refusing)
    monkeypatch.setattr(Server, "answers", lambda _: False)
    with pytest.raises(TrackingDown):
        stage.tracker().mirror(stage.sweep_id)
    assert stage.sweep().mirror.view_saved
    assert stage.sweep().mirror.run_id is None


def test_one_seed_has_no_means(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    tags = experiment_tags(stage)
    assert TRIALS.format(stage.sweep_id) in tags
    assert MEANS.format(stage.sweep_id) not in tags


def test_a_view_that_cannot_be_made_holds_up_no_export(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a plan that nobody thought of")

    monkeypatch.setattr(saved_view, "tags", fail)
    tracker = stage.tracker()
    for epoch in (1, 2):
        stage.train(epoch)
        with caplog.at_level(logging.WARNING):
            assert tracker.mirror(stage.sweep_id)
    assert [point.step for point in stage.history(0, "val/acc")] == [1, 2]
    assert not stage.sweep().mirror.view_saved
    note = stage.parent().data.tags["mlflow.note.content"]
    assert "viewStateShareKey" not in note
    assert f"sweep.id%60%3D%27{stage.sweep_id}" in note
    assert [record.message for record in caplog.records] == [
        f"sweep {stage.sweep_id} gets no saved view; the table shows its trials"
    ]


def test_a_view_that_did_not_arrive_is_tried_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise TrackingDown("try again")

    tracker = stage.tracker()
    stage.train(1)
    with monkeypatch.context() as patched:
        patched.setattr(Server, "tag_experiment", down)
        patched.setattr(Server, "experiment", lambda *_: stage_experiment(stage))
        assert tracker.mirror(stage.sweep_id)
    assert not stage.sweep().mirror.view_saved
    stage.train(2)
    assert tracker.mirror(stage.sweep_id)
    assert stage.sweep().mirror.view_saved


def stage_experiment(stage: Stage) -> str:
    return str(stage.client().create_experiment(f"{stage.spec.project}/{stage.spec.name}"))


def test_a_server_that_lost_its_data_gets_the_view_again(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    stage.change_mirrored_sweep(run_id="0" * 32)
    stage.change_mirrored_trials(run_id="0" * 32)
    for run in [stage.parent(), *stage.runs()]:
        stage.client().set_tag(run.info.run_id, "sweep.role", "lost")
    assert not stage.tracker().mirror(stage.sweep_id)
    assert not stage.sweep().mirror.view_saved
    assert stage.tracker().mirror(stage.sweep_id)
    assert stage.sweep().mirror.view_saved
