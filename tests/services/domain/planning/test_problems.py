"""All faults of a spec in one answer: each at its place, each once, none that only follows from another."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.library import Library
from services.domain.errors import SpecError
from services.domain.planning.planner import make_plan
from services.domain.planning.problems import Problems
from services.domain.spec.spec import Spec


def refused(**fields: Any) -> dict[str, str]:
    """The details by their places; fails if a place is named twice."""
    written = {"name": "a", "model": "lenet5", "data": "fashion-mnist-mini"} | fields
    with pytest.raises(SpecError) as caught:
        make_plan(Spec.model_validate(written), Library(), limit=1000, memory=1 << 30)
    found = [(problem.pointer, problem.detail) for problem in caught.value.problems]
    assert sorted(dict(found)) == sorted(place for place, _ in found)
    return dict(found)


def test_faults_of_every_kind_come_at_once() -> None:
    found = refused(
        data={"name": "fashion-mnist-mini", "noise": 1, "validation": 7},
        train={
            "epochs": 0,
            "nesterov": True,
            "annealing": 3,
            "optimizer": {"name": "adam", "bta": 1, "lr": -1},
        },
        space={
            "learning_rate": [0.1, 0.2],
            "model.dropout": [0.1, 1.5, 0.3, 2.5],
            "train.l2": [],
            "train.optimizer.beta1": [0.8, 1.5],
            "train.loss": {"choice": ["svm"], "when": {"droput": 0.1}},
        },
        constraints=["dropout <", "droput < 1", "l2 < 1", "dropout == 0.7", "dropout < 9"],
        zip=[["model.dropout", "train.momentum"]],
        search="gird",
    )
    assert set(found) == {
        "/data/noise",
        "/data/validation",
        "/train/epochs",
        "/train/nesterov",
        "/train/annealing",
        "/train/optimizer/bta",
        "/train/optimizer/lr",
        "/space/learning_rate",
        "/space/model.dropout/1",
        "/space/model.dropout/3",
        "/space/train.l2",
        "/space/train.optimizer.beta1/1",
        "/space/train.loss/when/droput",
        "/constraints/0",
        "/constraints/1",
        "/constraints/3",
        "/zip/0",
        "/search",
    }
    assert "Did you mean" in found["/constraints/1"]


def test_a_model_that_does_not_exist_hides_no_other_fault_of_the_config() -> None:
    found = refused(
        model="lenet", train={"epochs": 0, "annealing": 3}, space={"dropout": [2]}, constraints=["dropout <"]
    )
    assert set(found) == {"/model", "/train/epochs", "/train/annealing", "/constraints/0"}


def test_an_entry_that_does_not_exist_is_refused_and_not_the_axes_inside_it() -> None:
    space = {"train.optimizer": ["adamm", "sgd"], "beta1": [0.8], "train.loss": ["svm", "svn", "sofmax"]}
    found = refused(space=space, constraints=["beta1 < 1"])
    assert set(found) == {"/space/train.optimizer/0", "/space/train.loss/1", "/space/train.loss/2"}
    assert set(refused(train={"optimizer": "adamm"}, space={"beta1": [0.8]})) == {"/train/optimizer"}
    assert set(refused(space={"train.optimiser": ["sgd", "adam"], "train.l2": [0, -1]})) == {
        "/space/train.optimiser/0",
        "/space/train.l2/1",
    }


def test_a_value_that_only_a_refused_constraint_allows_is_no_second_fault() -> None:
    space = {"train.optimizer": ["sgd", "momentum"], "train.momentum_schedule": ["linear", "constant"]}
    found = refused(space=space, constraints=["optimzer == 'momentum'"])
    assert set(found) == {"/constraints/0"}


def test_what_depends_on_a_refused_axis_is_no_second_fault() -> None:
    space: dict[str, Any] = {
        "train.optimizer": [],
        "train.optimizer.momentum": {"choice": [0.5], "when": {"optimizer": "momentum"}},
        "train.l2": {"choice": [0.5], "when": {"train.optimizer.momentum": 0.5}},
        "model.dropout": [0.5],
    }
    found = refused(
        space=space, zip=[["train.optimizer", "dropout"]], constraints=["train.optimizer == 'sgd'"]
    )
    assert set(found) == {"/space/train.optimizer"}


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        ("learning_rate", "train.optimizer.lr"),
        ("weight_decay", "train.l2"),
        ("scheduler", "train.schedule"),
        ("num_epochs", "train.epochs"),
        ("train.optimizer.learning_rate", "train.optimizer.lr"),
        ("optimiser", "'train.optimizer'"),
        ("batchsize", "'train.batch_size'"),
    ],
)
def test_an_axis_by_another_librarys_name_has_its_hint(axis: str, words: str) -> None:
    assert words in refused(space={axis: [0.1]})[f"/space/{axis}"]


@pytest.mark.parametrize("axis", ["lr", "dropout", "batch_size", "epochs", "optimizer"])
def test_the_end_of_a_path_is_enough(axis: str) -> None:
    values = {"optimizer": ["sgd"], "dropout": [0.1], "lr": [0.1]}.get(axis, [2])
    spec = {"name": "a", "model": "lenet5", "data": "fashion-mnist-mini", "space": {axis: values}}
    assert make_plan(Spec.model_validate(spec), Library(), limit=1000, memory=1 << 30).points == 1


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ({"train": {"epochs": 0}}, {"/train/epochs"}),
        ({"space": {"dropot": [0.1], "train.l2": [0, -1]}}, {"/space/dropot", "/space/train.l2/1"}),
        ({"space": {"dropout": [0.1, 0.2]}, "constraints": ["dropout > 0.5"]}, {"/constraints/0"}),
        ({"space": {"dropout": {"uniform": [0, 1]}}}, {"/space/dropout"}),
        ({"search": "random"}, {""}),
        ({"search": "gird", "zip": [["a", "b"]]}, {"/search", "/zip/0"}),
        ({"space": {"data.resize": [2, 28, 3]}}, {"/model"}),
        ({"space": {"lr": [0.1] * 2, "l2": [1e-3]}, "seeds": 2}, {"/space/lr"}),
        ({"space": {"dropout": [i / 100 for i in range(99)], "l2": list(range(99))}}, {"/space"}),
        ({"train": {"optimizer": "lbfgs"}}, set()),
    ],
)
def test_the_objective_is_checked_whatever_else_is_wrong(fields: Any, places: set[str]) -> None:
    assert set(refused(**fields, objective="val/accc")) == {*places, "/objective/metric"}


def test_constraints_are_met_or_not_whatever_is_wrong_elsewhere() -> None:
    space = {"dropout": [0.1, 0.2], "train.l2": [0, -1], "train.loss": ["svm", "softmax"]}
    constraints = ["dropout > 0.5", "l2 > -2"]
    found = refused(space=space, constraints=constraints, train={"epochs": 0})
    assert set(found) == {"/train/epochs", "/space/train.l2/1", "/constraints/0"}
    assert "no point of the space meets it" in found["/constraints/0"]
    found = refused(space=space, constraints=[*constraints, "loss == 'svn'"])
    assert set(found) == {"/constraints/0", "/constraints/2"}


def test_a_wrong_value_is_not_refused_again_beside_the_values_of_other_axes() -> None:
    assert set(refused(space={"dropout": [0.1, 0.2], "l2": [-1]})) == {"/space/l2/0"}
    assert set(refused(space={"dropout": [0.1, 7], "l2": [-1, 0, -2]})) == {
        "/space/dropout/1",
        "/space/l2/0",
        "/space/l2/2",
    }


def test_a_clash_is_found_in_a_space_that_is_too_large() -> None:
    space = {"dropout": [i / 100 for i in range(1, 41)], "l2": list(range(40))}
    found = refused(train={"optimizer": "newton", "batch_size": "full"}, space=space)
    assert len(found) == 2
    assert "1600 points" in found["/space"]


def test_images_too_small_are_found_beside_a_wrong_rate() -> None:
    small = {"name": "fashion-mnist-mini", "resize": 2}
    found = refused(data=small, train={"optimizer": {"name": "adam", "lr": -1}})
    assert set(found) == {"/model", "/train/optimizer/lr"}


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        # What the images lack may be what is misspelt.
        ({"model": "vgg", "data": {"name": "fashion-mnist-mini", "resze": 32}}, {"/data/resze"}),
        ({"model": "vgg", "space": {"data.resze": [32, 64]}}, {"/space/data.resze"}),
        ({"model": "vgg", "space": {"data.resize": [32, -1]}}, {"/space/data.resize/1"}),
        # A batch of all images is what the method needs.
        ({"train": {"optimizer": "lbfgs", "batch_size": "fulll"}}, {"/train/batch_size"}),
        # The constraint would leave out the shape that cannot be built.
        ({"space": {"data.resize": [2, 28]}, "constraints": ["resize > 27 andd 1"]}, {"/constraints/0"}),
        # The objective may be one of the other data.
        ({"data": "mnits", "objective": "val/mae"}, {"/data"}),
    ],
)
def test_what_may_follow_from_a_fault_is_not_another_one(fields: Any, places: set[str]) -> None:
    assert set(refused(**fields)) == places


def test_a_fault_is_kept_once() -> None:
    problems = Problems()
    problems.add("/space/lr", "wrong", axis="optimizer.lr")
    problems.add("/space/lr", "wrong")
    assert len(problems.found) == 1
    assert [problems.leaves_out(name) for name in ("lr", "train.optimizer.lr", "r", "lr.x")] == [
        True,
        True,
        False,
        False,
    ]


def test_what_may_follow_from_others_is_refused_where_there_are_none() -> None:
    problems = Problems()
    problems.add_unless_others("/space/x", "may follow", axis="x")
    with pytest.raises(SpecError) as alone:
        problems.raise_any()
    assert [problem.pointer for problem in alone.value.problems] == ["/space/x"]
    problems.add("/model", "is wrong")
    with pytest.raises(SpecError) as beside:
        problems.raise_any()
    assert [problem.pointer for problem in beside.value.problems] == ["/model"]
