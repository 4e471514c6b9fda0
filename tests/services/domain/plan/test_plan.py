"""Plans: order, kinds, completed values, and errors that point into the user's own text."""

from __future__ import annotations

from itertools import product
from time import process_time
from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.errors import SpecError


def refusal(**changes: Any) -> list[tuple[str, str]]:
    """The pointers and words with which a spec is refused."""
    with pytest.raises(SpecError) as caught:
        paper_plan(paper_spec(**changes), limit=100)
    return [(problem.pointer, problem.detail) for problem in caught.value.problems]


def test_every_point_of_the_grid_appears_once() -> None:
    plan = paper_plan(
        paper_spec(space={"model.depth": [2, 4], "model.dropout": [0, 0.5], "train.l2": [0, 1e-3]})
    )
    points = [
        (c["model"]["depth"], c["model"]["dropout"], c["train"]["l2"]["strength"])
        for c in map(plan.config, range(plan.trials))
    ]
    assert sorted(points) == sorted(product([2, 4], [0.0, 0.5], [0.0, 1e-3]))


def test_shape_axes_come_first_whatever_the_user_wrote_first() -> None:
    plan = paper_plan(paper_spec(space={"model.dropout": [0, 0.5], "model.depth": [2, 4]}))
    assert [axis.path for axis in plan.axes] == ["model.depth", "model.dropout"]
    assert [plan.shape_of(point) for point in range(4)] == [0, 0, 1, 1]
    assert [shape.key for shape in plan.shapes] == ["net-2", "net-4"]


def test_object_axes_come_before_numbers_so_that_equal_optimizers_are_neighbours() -> None:
    plan = paper_plan(paper_spec())
    names = [plan.config(point)["train"]["optimizer"]["name"] for point in range(4)]
    assert names == ["sgd", "sgd", "adam", "adam"]


def test_a_bare_name_replaces_the_whole_object_and_takes_its_defaults() -> None:
    plan = paper_plan(
        paper_spec(train={"optimizer": {"name": "adam", "beta": 0.5}}, space={"train.optimizer": ["adam"]})
    )
    assert plan.config(0)["train"]["optimizer"] == {"name": "adam", "lr": 0.001, "beta": 0.9}


def test_a_child_axis_is_set_inside_each_of_its_parents_choices() -> None:
    plan = paper_plan(
        paper_spec(space={"train.optimizer": ["sgd", "adam"], "train.optimizer.lr": [0.3, 0.4]})
    )
    found = {(o["name"], o["lr"]) for o in (plan.config(p)["train"]["optimizer"] for p in range(4))}
    assert found == set(product(["sgd", "adam"], [0.3, 0.4]))


def test_a_short_name_is_written_out_where_it_is_unique() -> None:
    assert [a.path for a in paper_plan(paper_spec(space={"dropout": [0.1, 0.2]})).axes] == ["model.dropout"]


def test_an_ambiguous_short_name_lists_the_paths() -> None:
    ((pointer, detail),) = refusal(space={"name": ["a"]})
    assert pointer == "/space/name"
    assert "model.name" in detail
    assert "train.optimizer.name" in detail


@pytest.mark.parametrize(
    ("changes", "pointer", "words"),
    [
        ({"space": {"model.dropout": []}}, "/space/model.dropout", "no values"),
        ({"space": {"model.dropout": [0.5, 0.5]}}, "/space/model.dropout", "twice"),
        ({"space": {"model.dropout": [0, 0.0]}}, "/space/model.dropout", "mean the same"),
        ({"space": {"model.dropout": [0.1, 1.5]}}, "/space/model.dropout/1", "[0, 1], got 1.5"),
        ({"space": {"model.dropuot": [0.1]}}, "/space/model.dropuot", "model.dropout"),
        ({"space": {"train.optimizer": ["sgd", "adm"]}}, "/space/train.optimizer/1", "adm"),
        (
            {"space": {"train.optimizer": ["sgd", {"name": "sgd", "bta": 1}]}},
            "/space/train.optimizer/1",
            "bta",
        ),
        ({"space": {"dropout": [0.1, 7]}}, "/space/dropout/1", "got 7"),
        ({"space": {"data.validation": [0.1, 0]}}, "/space/data.validation/1", "rank by val/acc"),
        ({"data": {"name": "paper", "validation": 0}}, "/data/validation", "or rank by train/acc"),
        (
            {"space": {"train.optimizer": ["sgd"], "train.optimizer.beta": [0.1]}},
            "/space/train.optimizer.beta",
            "has lr",
        ),
        ({"model": {"name": "nat"}}, "/model", "Did you mean 'net'?"),
        ({"model": {"name": "net", "dropout": 3}, "space": {"train.l2": [0]}}, "/model/dropout", "got 3"),
        ({"model": {"name": "net", "depth": 9}}, "/model", "larger images"),
        ({"search": "gird"}, "/search", "Did you mean 'grid'?"),
        ({"space": {"model.dropout": [i / 200 for i in range(101)]}}, "/space", "max_trials: 101"),
        ({"max_trials": 3}, "/max_trials", "4 points"),
    ],
)
def test_a_wrong_spec_is_refused_where_it_is_wrong(changes: dict[str, Any], pointer: str, words: str) -> None:
    problems = refusal(**changes)
    assert [p for p, _ in problems] == [pointer]
    assert words in problems[0][1]


def test_naming_max_trials_allows_a_large_space() -> None:
    spec = paper_spec(space={"model.dropout": [i / 200 for i in range(101)]}, max_trials=101)
    assert paper_plan(spec, limit=100).trials == 101


def test_every_trial_of_a_pack_has_a_row_of_its_own() -> None:
    plan = paper_plan(paper_spec(space={"model.dropout": [i / 40 for i in range(30)]}))
    width = plan.shapes[0].width
    for start in range(0, 30, width):
        rows = [plan.row_of(point) for point in range(start, min(start + width, 30))]
        assert rows == list(range(len(rows)))


def test_a_plan_survives_json() -> None:
    plan = paper_plan(paper_spec())
    again = type(plan).model_validate_json(plan.model_dump_json())
    assert [again.config(p) for p in range(4)] == [plan.config(p) for p in range(4)]


def test_an_axis_below_an_object_that_was_left_out_finds_its_default() -> None:
    plan = paper_plan(paper_spec(space={"train.optimizer.lr": [0.2, 0.3]}))
    assert plan.config(1)["train"]["optimizer"] == {"name": "sgd", "lr": 0.3}


@pytest.mark.parametrize(("metric", "goal"), [("val/loss", "minimize"), ("train/acc", "maximize")])
def test_the_goal_follows_the_metric(metric: str, goal: str) -> None:
    for objective in ({"metric": metric}, {"metric": metric, "goal": goal}):
        spec = paper_spec(objective=objective)
        assert spec.with_default_metric(paper_plan(spec).metrics).objective.goal == goal
    other = {"minimize": "maximize", "maximize": "minimize"}[goal]
    with pytest.raises(SpecError, match=f"is to {goal} it, got {other}") as caught:
        paper_plan(paper_spec(objective={"metric": metric, "goal": other}))
    assert caught.value.problems[0].pointer == "/objective"


def test_a_space_of_many_tied_shapes_is_counted_in_a_moment() -> None:
    five = [0.1, 0.2, 0.3, 0.4, 0.5]
    space = {"model.depth": {"int": [1, 1000]}, "model.dropout": five, "data.validation": five}
    spec = paper_spec(space=space, constraints=["depth * dropout < 1000"], search="random", max_trials=40)
    start = process_time()
    with pytest.raises(SpecError, match="needs larger images"):
        paper_plan(spec)
    assert process_time() - start < 3


def test_many_points_of_a_space_that_constraints_leave_little_of_are_refused_at_once() -> None:
    spec = paper_spec(
        space={"model.dropout": {"uniform": [0, 1]}, "train.l2": {"uniform": [0, 1]}},
        constraints=["dropout < 0.005"],
        search="random",
        max_trials=100_000,
    )
    start = process_time()
    with pytest.raises(
        SpecError, match=r"about 0\.\d% of random points meet the constraints, so that at most"
    ):
        paper_plan(spec)
    assert process_time() - start < 2
