"""A few points stand for all: of numbers whether they are 0 and how large, of texts each."""

from __future__ import annotations

from typing import Any

from paper_catalog import paper_plan, paper_spec

from services.domain.planning.representatives import representatives


def chosen(most: int = 100, limit: int = 10**9, **space: Any) -> list[dict[str, Any]]:
    plan = paper_plan(paper_spec(space=space["space"], max_trials=limit), limit)
    shape = plan.shapes[0]
    return list(representatives(plan.space, 0, shape.coordinates, shape.points, most))


def test_of_numbers_zero_and_the_largest() -> None:
    space = {"model.dropout": {"uniform": [0, 0.5], "step": 0.001}}
    assert [point["model.dropout"] for point in chosen(space=space)] == [0, 0.5]


def test_of_a_million_values_the_ends() -> None:
    space = {"model.dropout": {"uniform": [0, 0.5], "step": 5e-7}}
    found = {point["model.dropout"] for point in chosen(space=space)}
    assert {0, 0.5} <= found
    assert len(found) <= 3


def test_every_text_meets_every_kind_of_number() -> None:
    space = {"train.optimizer": ["sgd", "adam"], "model.dropout": [0.1, 0, 0.4, 0.2]}
    found = {(point["train.optimizer"]["name"], point["model.dropout"]) for point in chosen(space=space)}
    assert found == {(name, rate) for name in ("sgd", "adam") for rate in (0, 0.4)}


def test_of_entries_of_one_name_each_number_at_its_largest() -> None:
    rates = ((1, 0.1), (0.1, 0.9), (0.5, 0.5))
    space = {"train.optimizer": [{"name": "adam", "lr": lr, "beta": beta} for lr, beta in rates]}
    found = [point["train.optimizer"] for point in chosen(space=space)]
    assert [(one["lr"], one["beta"]) for one in found] == [(1, 0.1), (0.1, 0.9)]


def test_more_than_can_be_tried_are_sampled() -> None:
    space = {"train.optimizer": ["sgd", "adam"], "model.dropout": [0, 0.4]}
    assert len(chosen(most=3, space=space)) == 3
