"""Choices that are right one by one: what clashes is refused at submit, and numbers have metrics."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from services.api.library import Library
from services.api.validation import within
from services.domain.errors import SpecError
from services.domain.plan.plan import Plan
from services.domain.planning.catalog import ConfigFault
from services.domain.planning.planner import make_plan
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
    assert words == "must be full with lbfgs, which needs one objective for all looks; got 128"
    with pytest.raises(SpecError) as caught:
        plan(spec(train={"optimizer": "lbfgs", "batch_size": "full", "epochs": 3, "weight-decay": 0.1}))
    assert caught.value.problems[0].pointer == "/train/weight-decay"


def test_what_is_not_written_is_named() -> None:
    given = spec(train={"optimizer": "lbfgs"})
    with pytest.raises(SpecError) as caught:
        plan(given)
    told = within(caught.value.problems[0], given)
    assert told.pointer == "/train"
    assert told.detail == (
        "train.batch_size, which is not written and so has its default, must be full with lbfgs, "
        "which needs one objective for all looks; got 128"
    )


def test_a_point_of_a_grid_that_clashes_is_found_and_a_constraint_leaves_it_out() -> None:
    space = {"train.optimizer": ["sgd", "lbfgs"], "model.input_dropout": [0, 0.5]}
    where, words = refused(spec(space=space))
    assert where == "/space/model.input_dropout"
    assert words == (
        "must be 0 with lbfgs, which needs one objective for all looks; got 0.5; "
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


def test_numbers_are_ranked_by_their_error_unless_told_otherwise() -> None:
    found = plan(spec(**NUMBERS))
    assert [shape.metric for shape in found.shapes] == ["mae"]
    objective = spec(**NUMBERS).ranked_by("mae").objective
    assert (objective.metric, objective.goal, objective.at) == ("val/mae", "minimize", "best")
    last = spec(**NUMBERS, objective={"at": "last"}).ranked_by("mae").objective
    assert (last.metric, last.at) == ("val/mae", "last")
    told = spec(**NUMBERS, objective={"metric": "train/loss"}).ranked_by("mae").objective
    assert told.metric == "train/loss"
    assert spec().ranked_by("acc").objective == spec().objective
    text = Spec.model_validate({"name": "t", "objective": "val/mae"}).objective
    assert (text.metric, text.goal) == ("val/mae", "minimize")
    with pytest.raises(ValidationError, match="goal needs a metric beside it"):
        Spec.model_validate({"name": "t", "objective": {"goal": "maximize"}})


def test_metrics_that_the_data_have_not() -> None:
    where, words = refused(spec(**NUMBERS, objective={"metric": "val/acc"}))
    assert where == "/objective/metric"
    assert words == "must be val/mae, val/loss, train/mae or train/loss with these data, got val/acc"
    assert refused(spec(objective={"metric": "val/mae"}))[0] == "/objective/metric"


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
    assert words == "lenet5-1998 draws 2 to 10 classes, got 1"


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
