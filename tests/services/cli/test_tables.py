"""services/cli/tables.py."""

from __future__ import annotations

from services.cli.tables import headings, label, objective_value


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


def test_the_objective_counts_at_the_best_or_the_last_epoch() -> None:
    trial = {"best": {"epoch": 2, "value": 0.9}, "last": 0.8}
    assert objective_value({"objective": {"at": "best"}}, trial) == 0.9
    assert objective_value({"objective": {"at": "last"}}, trial) == 0.8
    assert objective_value({"objective": {"at": "best"}}, {"best": None, "last": None}) is None
    assert objective_value({"objective": {"at": "best"}}, None) is None
