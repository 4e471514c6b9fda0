"""services/domain/planning/fork_plan.py: what stays the parent's, and what a fork cannot change."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import PaperCatalog, paper_plan, paper_spec

from services.domain.errors import SpecError
from services.domain.plan.plan import Plan
from services.domain.planning.fork_plan import Parent, plan_fork
from services.domain.spec.spec import Spec

NEW = "; submit a new sweep for that"


def parent(number: int = 5, target: int = 3, **changes: Any) -> Parent:
    """Trial 5 of two seeds: its point has dropout 0.5 and sgd."""
    spec = paper_spec(**{"seeds": 2, "seed": 7} | changes)
    plan = paper_plan(spec)
    point = plan.point_of(number)
    numbers = number, plan.replicate_of(number), plan.seed_of(number), plan.shape_of(point), target
    return Parent(f"s-{number:04d}", *numbers, plan.config(point), spec, plan)


def forked(given: dict[str, Any], **changes: Any) -> tuple[Spec, Plan]:
    return plan_fork(parent(**changes), given, PaperCatalog())


def refused(given: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as error:
        forked(given)
    return [(problem.pointer, problem.detail) for problem in error.value.problems]


def test_seed_batches_and_objective_stay_the_parents() -> None:
    old = parent(target=9)
    spec, plan = plan_fork(old, {"lr": 0.01, "model.dropout": 0.5}, PaperCatalog())
    assert (plan.trials, plan.points, plan.axes, plan.pin) == (1, 1, [], None)
    assert plan.seed_of(0) == old.plan.seed_of(5)
    assert plan.replicate_of(0) == old.plan.replicate_of(5)
    assert (plan.varied, plan.space.seed) == (old.plan.varied, 7)
    assert (spec.seed, spec.objective, spec.project) == (7, old.spec.objective, old.spec.project)
    [shape], before = plan.shapes, old.plan.shapes[0]
    assert (shape.key, shape.mixed, shape.points) == (before.key, before.mixed, 1)
    assert (shape.epochs, shape.width) == (9, 1)
    changed = old.config["train"]["optimizer"] | {"lr": 0.01}
    assert plan.config(0) == old.config | {"train": old.config["train"] | {"optimizer": changed}}
    assert plan.fork
    assert (plan.fork.trial, plan.fork.name) == ("s-0005", "paper")
    assert plan.fork.changed == {"train.optimizer.lr": 0.01}, "an equal value is no change"
    assert spec.name == "paper t005 fork"
    assert spec.description.endswith("weights of trial s-0005 of paper, with train.optimizer.lr 0.01.")


def test_a_fork_without_changes_and_a_fork_of_a_fork_keep_the_seed() -> None:
    old = parent()
    spec, plan = plan_fork(old, {}, PaperCatalog())
    assert plan.config(0) == old.config
    assert "with the same values" in spec.description
    again = Parent("f-0000", 0, plan.replicate_of(0), plan.seed_of(0), 0, 3, plan.config(0), spec, plan)
    _, second = plan_fork(again, {"l2": 0.1}, PaperCatalog())
    assert second.fork
    assert (second.fork.seed, second.fork.replicate) == (old.plan.seed_of(5), old.plan.replicate_of(5))
    assert second.fork.varied == old.plan.varied
    assert (second.fork.trial, second.fork.name) == ("f-0000", "paper"), "MLflow shows all in one experiment"


@pytest.mark.parametrize(
    ("given", "place", "detail"),
    [
        ({"train.optimzer.lr": 1}, "/set/train.optimzer.lr", "Did you mean 'train.optimizer.lr'?"),
        ({"train.optimizer.rl": 1}, "/set/train.optimizer.rl", "train.optimizer has lr. Did you mean"),
        ({"learning_rate": 1}, "/set/learning_rate", "The learning rate is train.optimizer.lr."),
        ({"name": 1}, "/set/name", "'name' could be any of data.name, model.name, train.optimizer.name"),
        ({"a/b~c": 1}, "/set/a~1b~0c", "is not a hyperparameter of this trial."),
        ({"dropout": 7}, "/set/dropout", "dropout must lie in [0, 1], got 7"),
        (
            {"train.optimizer": {"name": "sgd", "x": 1}},
            "/set/train.optimizer",
            "train.optimizer.x sgd has no",
        ),
        ({"model.depth": 3}, "/set/model.depth", "belongs to the shape of the trial's array"),
        ({"model": {"name": "net", "depth": 3}}, "/set/model", "model.depth belongs to the shape of the"),
        ({"train.optimizer": "adam"}, "/set/train.optimizer", "here is the state of sgd, and would be the"),
        ({"optimizer.name": "adam"}, "/set/optimizer.name", "train.optimizer must stay as it is"),
        ({"lr": 1, "optimizer.lr": 1}, "/set/optimizer.lr", "is set twice, as lr and as optimizer.lr"),
    ],
)
def test_what_a_fork_cannot_have_is_refused_at_its_place(
    given: dict[str, Any], place: str, detail: str
) -> None:
    [(pointer, message)] = refused(given)
    assert pointer == place
    assert detail in message


def test_every_fault_is_refused_at_once() -> None:
    assert [place for place, _ in refused({"depth": 3, "nothing": 1, "lr": 0.5, "dropout": -1})] == [
        "/set/depth",
        "/set/dropout",
        "/set/nothing",
    ]
    assert "at most 100 are allowed" in refused({str(number): 1 for number in range(101)})[0][1]


def test_values_that_clash_are_refused_where_they_are_set() -> None:
    old = parent(7)  # adam
    with pytest.raises(SpecError) as error:
        plan_fork(old, {"dropout": 0.95}, PaperCatalog())
    assert [problem.pointer for problem in error.value.problems] == ["/set/dropout"]


def test_first_weights_cannot_be_scaled_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from services.domain.planning import fork_plan

    monkeypatch.setattr(fork_plan, "FIRST_WEIGHTS", "model.dropout")
    [(place, message)] = refused({"dropout": 0.25})
    assert (place, message) == ("/set/dropout", "only scales the first weights, and a fork begins with "
                                "trained ones" + NEW)  # fmt: skip
