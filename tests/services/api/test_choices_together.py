"""Choices that are right one by one: what clashes is refused at submit, and numbers have metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from services.api.library import Library
from services.api.validation import at_written_place
from services.domain.errors import SpecError
from services.domain.plan.plan import Plan
from services.domain.planning.catalog import ConfigFault
from services.domain.planning.planner import make_plan
from services.domain.spec.objective import Objective
from services.domain.spec.spec import Spec

LIBRARY = Library()


def spec(**given: Any) -> Spec:
    fields: dict[str, Any] = {
        "name": "together",
        "model": {"name": "mlp", "hidden": []},
        "data": {"name": "fashion-mnist-mini", "resize": 4},
        "train": {"batch_size": "full"},
    }
    return Spec.model_validate(fields | given)


def plan(of: Spec) -> Plan:
    return make_plan(of, LIBRARY, limit=1000, memory=2**30)


def refused(of: Spec) -> tuple[str, str]:
    with pytest.raises(SpecError) as caught:
        plan(of)
    [problem] = caught.value.problems
    return problem.pointer, problem.detail


def test_one_config_that_clashes() -> None:
    where, words = refused(spec(train={"optimizer": "lbfgs"}))
    assert where == "/train/batch_size"
    assert words == "must be full with lbfgs, which needs the same objective at every evaluation; got 128"
    with pytest.raises(SpecError) as caught:
        plan(spec(train={"optimizer": "lbfgs", "batch_size": "full", "epochs": 3, "weight-decay": 0.1}))
    assert caught.value.problems[0].pointer == "/train/weight-decay"


def test_what_is_not_written_is_named() -> None:
    given = spec(train={"optimizer": "lbfgs"})
    with pytest.raises(SpecError) as caught:
        plan(given)
    told = at_written_place(caught.value.problems[0], given)
    assert told.pointer == "/train"
    assert told.detail == (
        "train.batch_size, which is not set and has its default value, must be full with lbfgs, "
        "which needs the same objective at every evaluation; got 128"
    )


def test_a_point_of_a_grid_that_clashes_is_found_and_a_constraint_leaves_it_out() -> None:
    space = {"train.optimizer": ["sgd", "lbfgs"], "model.input_dropout": [0, 0.5]}
    where, words = refused(spec(space=space))
    assert where == "/space/model.input_dropout"
    assert words == (
        "must be 0 with lbfgs, which needs the same objective at every evaluation; got 0.5; "
        "if only some points are like this, leave them out with a constraint"
    )
    kept = plan(spec(space=space, constraints=["train.optimizer != 'lbfgs' or model.input_dropout == 0"]))
    assert kept.points == 3


def test_a_shape_that_only_other_rows_clash_with() -> None:
    """The first optimizer would clash with the second batch size, and a constraint says that it will not."""
    space = {"train.optimizer": ["lbfgs", "sgd"], "train.batch_size": ["full", 100]}
    assert refused(spec(space=space, train={}))[0] == "/space/train.batch_size"
    kept = plan(
        spec(space=space, train={}, constraints=["train.optimizer == 'sgd' or train.batch_size == 'full'"])
    )
    assert kept.points == 3


def test_room_is_made_for_the_rows_that_take_most() -> None:
    """Full-matrix AdaGrad keeps 170 vectors of 170 numbers and works with five as many; in either order."""
    for order in (["sgd", "adagrad-full"], ["adagrad-full", "sgd"]):
        [shape] = plan(spec(space={"train.optimizer": order})).shapes
        [plain] = plan(spec(space={"train.optimizer": ["sgd", "momentum"]})).shapes
        assert shape.bytes_per_row - plain.bytes_per_row == 4 * 170 * (6 * 170 - 1)


@pytest.mark.parametrize("points", [5_000, 20_000, 1_000_000])
def test_in_a_large_space_no_clash_is_missed(points: int) -> None:
    """A two-valued axis beside a long one; looking at every n-th point would see one of its values only."""
    space = {
        "train.l2": {"uniform": [0, 1], "step": 2 / points},
        "model.input_dropout": [0, 0.5],
    }
    given = spec(train={"batch_size": "full", "optimizer": "lbfgs"}, space=space, max_trials=2 * points)
    assert refused(given)[0] == "/space/model.input_dropout"


def test_the_largest_of_a_long_axis_makes_the_room() -> None:
    space = {"train.l2": {"uniform": [0, 1], "step": 1e-4}, "train.optimizer.pairs": [1, 100, 3]}
    [shape] = plan(
        spec(train={"batch_size": "full", "optimizer": "lbfgs"}, space=space, max_trials=100_000)
    ).shapes
    [few] = plan(
        spec(train={"batch_size": "full", "optimizer": {"name": "lbfgs", "pairs": 1}, "l2": 1})
    ).shapes
    assert shape.bytes_per_row - few.bytes_per_row == 4 * 170 * 2 * 99


NUMBERS = {"data": {"name": "rotated"}, "train": {"loss": "huber"}}


def test_numbers_are_ranked_by_their_error_unless_configured_otherwise() -> None:
    found = plan(spec(**NUMBERS))
    assert [metric.name for metric in found.metrics] == ["mae"]
    objective = spec(**NUMBERS).with_default_metric(found.metrics).objective
    assert (objective.metric, objective.goal, objective.at) == ("val/mae", "minimize", "best")
    last = spec(**NUMBERS, objective={"at": "last"}).with_default_metric(found.metrics).objective
    assert (last.metric, last.goal, last.at) == ("val/mae", "minimize", "last")
    told = spec(**NUMBERS, objective={"metric": "train/loss"}).with_default_metric(found.metrics).objective
    assert (told.metric, told.goal) == ("train/loss", "minimize")
    text = spec(**NUMBERS, objective="val/mae").with_default_metric(found.metrics).objective
    assert (text.metric, text.goal) == ("val/mae", "minimize")
    assert spec().with_default_metric(plan(spec()).metrics).objective == Objective()
    with pytest.raises(ValidationError, match="goal needs a metric beside it"):
        Spec.model_validate({"name": "t", "objective": {"goal": "maximize"}})


def test_metrics_that_the_data_have_not() -> None:
    where, words = refused(spec(**NUMBERS, objective={"metric": "val/acc"}))
    assert where == "/objective/metric"
    assert words == (
        "must be val/ or train/ followed by one of loss, mae with these data, got 'val/acc': "
        "acc needs classes as targets, but the targets of these data are numbers"
    )
    assert refused(spec(objective={"metric": "val/mae"}))[0] == "/objective/metric"


def test_a_metric_that_others_call_so_leads_to_ours() -> None:
    where, words = refused(spec(objective={"metric": "val/ece"}))
    assert where == "/objective/metric"
    hint = "The expected calibration error (ECE) is the metric calibration-error, which train.metrics has"
    assert f"got 'val/ece'. {hint}" in words


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1, 1, 1], "has the value 1 twice; if the list is meant as one value, write [[1, 1, 1]]"),
        ([2] * 6, "has the value 2 twice; if the list is meant as one value, write [[2, 2, 2, 2, 2, …]]"),
        (["none", "none"], "axis 'train.loss.class_weights' has the value 'none' twice"),
    ],
)
def test_an_axis_of_class_weights_that_was_meant_as_one_list(weights: list[Any], words: str) -> None:
    where, detail = refused(spec(space={"train.loss.class_weights": weights}))
    assert where.startswith("/space/train.loss.class_weights")
    assert detail.endswith(words)


def test_weights_of_classes_that_are_no_values_of_an_axis() -> None:
    with pytest.raises(SpecError) as caught:
        plan(spec(space={"train.loss.class_weights": [1, 2]}))
    found = {each.pointer: each.detail for each in caught.value.problems}
    hint = "got 1; in a space one list is written [[1, …]]"
    assert found["/space/train.loss.class_weights/0"].endswith(hint)


@pytest.mark.parametrize("metric", ["val/acuracy", "acc", "val.acc", "validation/acc", "test/acc", ""])
def test_a_metric_that_nothing_is_called_is_refused_with_those_there_are(metric: str) -> None:
    where, words = refused(spec(objective={"metric": metric}))
    assert where == "/objective/metric"
    names = "acc, balanced-acc, loss, macro-f1, top2-acc, top3-acc, top5-acc"
    known = f"must be val/ or train/ followed by one of {names} with these data"
    near = " Did you mean 'val/acc'?" if metric and metric != "test/acc" else ""
    assert words == f"{known}, got {metric!r}.{near}"


@pytest.mark.parametrize(
    ("metric", "goal"), [("val/loss", "minimize"), ("val/acc", "maximize"), ("train/top5-acc", "maximize")]
)
def test_a_goal_follows_from_the_metric_and_cannot_contradict_it(metric: str, goal: str) -> None:
    given = spec(objective={"metric": metric})
    assert given.with_default_metric(plan(given).metrics).objective.goal == goal
    other = {"minimize": "maximize", "maximize": "minimize"}[goal]
    where, words = refused(spec(objective={"metric": metric, "goal": other}))
    assert (where, words) == (
        "/objective",
        f"the goal of {metric} is to {goal} it, got {other}; goal can be left out",
    )


def test_what_trials_measure_is_in_the_plan() -> None:
    assert [metric.name for metric in plan(spec()).metrics] == ["acc"]
    train = {"batch_size": "full", "metrics": ["balanced-acc", "acc"]}
    found = plan(spec(train=train, objective="val/top5-acc"))
    assert [metric.name for metric in found.metrics] == ["acc", "balanced-acc", "top5-acc"]
    assert found.metrics[2].model_dump() == {
        "name": "top5-acc",
        "goal": "maximize",
        "label": "top-5 accuracy",
        "error": "top5_error",
        "entry": "",
        "unranked": "",
    }
    assert [metric.name for metric in plan(spec(objective="train/loss")).metrics] == ["acc"]


def test_recall_is_a_metric_of_each_class() -> None:
    found = plan(spec(train={"metrics": ["recall", "calibration-error"]})).metrics
    assert [each.name for each in found] == ["acc", *(f"recall-{c}" for c in range(10)), "calibration-error"]
    assert (found[3].entry, found[3].label) == ("recall", "recall of class 2")


def test_a_metric_of_each_class_names_its_class() -> None:
    found = plan(spec(train={"metrics": ["recall", "calibration-error"]}))
    classes = found.shapes[0].class_names
    assert len(classes) == 10
    assert found.classes_of_metrics == {f"recall-{number}": name for number, name in enumerate(classes)}
    assert plan(spec()).classes_of_metrics == {}
    other = found.shapes[0].model_copy(update={"class_names": ["cat", "dog"]})
    assert other.classes_of_metrics == {"recall-0": "cat", "recall-1": "dog"}
    mixed = found.model_copy(update={"shapes": [*found.shapes, other]})
    assert mixed.classes_of_metrics == {}  # of which data a recall is depends on the trial


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("val/recall", "recall cannot rank trials, because a net that gives every image the same class has"),
        ("val/recall-3", "recall-3 cannot rank trials, because a net that gives every image the same class"),
        ("train/calibration-error", "calibration-error cannot rank trials, because a net that gives every"),
    ],
)
def test_what_a_useless_net_does_well_is_no_objective(metric: str, words: str) -> None:
    where, told = refused(spec(objective=metric))
    assert where == "/objective/metric"
    assert f"with these data, got {metric!r}: {words}" in told
    assert told.endswith(". train.metrics has it measured")
    assert "recall" not in told.split(" with these data")[0]


def test_a_metric_that_does_not_fit_the_data_is_refused_at_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    x, y = np.zeros((60, 4, 4), dtype=np.uint8), np.arange(60)
    for classes in (5, 6):
        np.savez(tmp_path / f"{classes}.npz", train_x=x, train_y=y % classes)

    def data(classes: int) -> dict[str, Any]:
        return {"name": "npz", "path": f"{classes}.npz"}

    words = "top5-acc needs at least 6 classes, but these data have 5"
    where, told = refused(spec(data=data(5), objective="val/top5-acc"))
    assert where == "/objective/metric"
    names = "acc, balanced-acc, loss, macro-f1, top2-acc, top3-acc"
    assert told.endswith(f"one of {names} with these data, got 'val/top5-acc': {words}")
    asked = {"metrics": ["balanced-acc", "top5-acc"]}
    assert refused(spec(data=data(5), train=asked)) == ("/train/metrics/1", words)
    found = plan(spec(data=data(6), train=asked, objective="val/top5-acc"))
    assert [metric.name for metric in found.metrics] == ["acc", "balanced-acc", "top5-acc"]
    both = {"data": data(6), "space": {"data": [data(6), data(5)]}}
    assert refused(spec(**both, objective="val/top5-acc"))[1].endswith(words)
    assert refused(spec(train={"metrics": ["mae"]})) == (
        "/train/metrics/0",
        "mae needs numbers as targets, but the targets of these data are classes",
    )


def test_classes_and_numbers_in_one_sweep_are_ranked_by_their_loss_or_not_at_all() -> None:
    both = {
        "data": "fashion-mnist-mini",
        "train": {"loss": "square"},
        "space": {"data": ["fashion-mnist-mini", "rotated"]},
    }
    where, words = refused(spec(**both))
    assert where == "/objective"
    assert "some data have classes and others numbers" in words
    assert plan(spec(**both, objective={"metric": "val/loss"})).points == 2


def test_a_loss_of_classes_is_refused_at_its_place() -> None:
    where, words = refused(spec(**NUMBERS, space={"train.loss": ["huber", "svm"]}))
    assert where == "/space/train.loss"
    assert "must be one of huber, l1, square where targets are numbers, got svm" in words


def test_numbers_have_a_loss_of_their_own_and_a_mirror_is_refused() -> None:
    found = plan(spec(data="rotated", train={}))
    assert found.base["train"]["loss"] == {"name": "square"}
    where, words = refused(spec(data={"name": "rotated", "flip": 0.5}, train={}))
    assert where == "/data/flip"
    assert words == "must be 0 where targets are numbers: it would make them wrong"
    where, words = refused(spec(model="lenet5-1998", data="rotated", train={}))
    assert where == "/model"
    assert words == "lenet5-1998 has drawings of 2 to 10 classes, got 1"


@pytest.mark.parametrize(
    ("data", "where", "words"),
    [
        ({"name": "rotated", "of": "nope"}, "data.of", "no data set named 'nope'"),
        ({"name": "rotated", "of": {"name": "npz", "pth": "a"}}, "data.of.pth", "Did you mean 'path'"),
        ({"name": "rotated", "off": "mnist"}, "data.off", "no field of data named 'off'. Did you mean 'of'"),
        ({"name": "waveforms", "resize": 8}, "data.resize", "must be 0 where images are 1×"),
    ],
)
def test_faults_inside_of_data(data: dict[str, Any], where: str, words: str) -> None:
    with pytest.raises((SpecError, ConfigFault)) as caught:
        plan(spec(data=data, train={}))
    told = str(caught.value)
    assert where.replace(".", "/") in told.replace(".", "/")
    assert words in told


def test_yes_and_no_as_yaml_reads_them() -> None:
    found = plan(spec(model={"name": "lenet5", "flip": True}, data="fashion-mnist-mini", train={}))
    assert found.base["model"]["flip"] == "yes"
    space = {"model.flip": [False, True]}
    assert plan(spec(model="lenet5", data="fashion-mnist-mini", train={}, space=space)).points == 2
