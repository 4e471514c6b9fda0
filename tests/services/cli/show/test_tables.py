"""services/cli/show/tables.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.cli.show.tables import curves, facts, headings, label

Printed = Callable[[Any], list[str]]


def test_facts_have_no_trailing_spaces() -> None:
    shown = facts({"price": "low", "mlflow": "http://there/[1]", "none": None})
    assert shown.plain == "price   low\nmlflow  http://there/[1]"
    assert not facts({"price": None})


def test_only_the_objective_has_its_best_epoch(printed: Printed) -> None:
    curve = [{"metrics": {"val/acc": 0.9, "val/loss": 1.0}}, {"metrics": {"val/acc": 0.8, "val/loss": 2.0}}]
    _, accuracy, loss = printed(curves(curve, "val/acc", {"epoch": 1, "value": 0.9}))
    assert accuracy.endswith(" 0.9 0.8 0.9 in epoch 1")
    assert "epoch" not in loss
    assert "epoch 1" not in "".join(printed(curves(curve, "val/acc", None)))


def test_choices_of_one_name_are_told_apart_by_what_differs() -> None:
    slow = {"name": "momentum", "lr": 0.01, "beta": 0.9}
    fast = {"name": "momentum", "lr": 0.1, "beta": 0.9}
    adam = {"name": "adam", "lr": 0.001}
    assert label(slow, [slow, fast, adam]) == "momentum lr=0.01"
    assert label(adam, [slow, fast, adam]) == "adam"
    assert label(0.0001, [0.0001, 0.0]) == "1e-4"


def test_choices_without_a_name_are_their_values() -> None:
    weak, strong = {"strength": 0.001}, {"strength": 0.1}
    assert label(weak, [weak, strong]) == "1e-3"
    assert (
        label({"on": "all", "strength": 1}, [{"on": "all", "strength": 1}, {"on": "all", "strength": 2}])
        == "1"
    )
    assert label({"low": 0, "high": 1}, [{"low": 0, "high": 1}, {"low": 1, "high": 2}]) == "low=0 high=1"
    assert label({"strength": 1}, []) == "1"


def test_headings_are_as_short_as_can_be() -> None:
    assert headings(["train.l2", "model.head.dropout", "model.dropout"]) == [
        "l2",
        "model.head.dropout",
        "model.dropout",
    ]
