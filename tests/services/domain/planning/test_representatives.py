"""A few points tell of all: of numbers whether they are 0 and how large, of words each."""

from __future__ import annotations

from typing import Any

from paper_catalog import paper_plan, paper_spec

from services.domain.planning.representatives import tellings


def told(most: int = 100, limit: int = 10**9, **space: Any) -> list[dict[str, Any]]:
    plan = paper_plan(paper_spec(space=space["space"], max_trials=limit), limit)
    return list(tellings(plan, 0, most))


def test_of_numbers_zero_and_the_largest() -> None:
    space = {"model.dropout": {"uniform": [0, 0.5], "step": 0.001}}
    assert [point["model.dropout"] for point in told(space=space)] == [0, 0.5]


def test_of_a_million_values_the_ends() -> None:
    space = {"model.dropout": {"uniform": [0, 0.5], "step": 5e-7}}
    found = {point["model.dropout"] for point in told(space=space)}
    assert {0, 0.5} <= found
    assert len(found) <= 3


def test_every_word_meets_every_kind_of_number() -> None:
    space = {"train.optimizer": ["sgd", "adam"], "model.dropout": [0.1, 0, 0.4, 0.2]}
    found = {(point["train.optimizer"]["name"], point["model.dropout"]) for point in told(space=space)}
    assert found == {(name, rate) for name in ("sgd", "adam") for rate in (0, 0.4)}


def test_of_entries_of_one_name_each_number_at_its_largest() -> None:
    rates = ((1, 0.1), (0.1, 0.9), (0.5, 0.5))
    space = {"train.optimizer": [{"name": "adam", "lr": lr, "beta": beta} for lr, beta in rates]}
    chosen = [point["train.optimizer"] for point in told(space=space)]
    assert [(one["lr"], one["beta"]) for one in chosen] == [(1, 0.1), (0.1, 0.9)]


def test_more_than_can_be_looked_at_are_sampled() -> None:
    space = {"train.optimizer": ["sgd", "adam"], "model.dropout": [0, 0.4]}
    assert len(told(most=3, space=space)) == 3
