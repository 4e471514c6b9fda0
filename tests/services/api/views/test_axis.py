"""An axis as JSON: listed values as they are and as written, a range by its ends."""

from __future__ import annotations

from typing import Any

from paper_catalog import paper_plan, paper_spec

from services.api.views.axis import axis_view

FIELDS = ["name", "path", "row", "values", "written", "low", "high", "step", "log", "whole"]


def views(**space: Any) -> dict[str, dict[str, Any]]:
    """The axes of a space as JSON, by path."""
    space = {path.replace("__", "."): axis for path, axis in space.items()}
    plan = paper_plan(paper_spec(space=space, search="random", max_trials=2))
    return {axis.path: axis_view(axis).model_dump(mode="json") for axis in plan.axes}


def test_listed_values() -> None:
    view = views(train__optimizer=["sgd", {"name": "adam", "lr": 0.01}])["train.optimizer"]
    assert list(view) == FIELDS
    assert (view["name"], view["path"], view["row"]) == ("train.optimizer", "train.optimizer", True)
    assert view["values"][1] == {"name": "adam", "lr": 0.01, "beta": 0.9}
    assert view["written"] == ["sgd", {"name": "adam", "lr": 0.01}]
    assert [view[name] for name in FIELDS[5:]] == [None, None, None, False, False]


def test_ranges() -> None:
    found = views(model__dropout={"uniform": [0, 0.9], "step": 0.0001}, lr={"log_uniform": [1e-4, 1e-2]})
    lr, dropout = found["train.optimizer.lr"], found["model.dropout"]
    assert list(lr) == FIELDS
    assert (lr["name"], lr["row"], lr["values"], lr["written"]) == ("lr", True, None, None)
    assert [lr[name] for name in FIELDS[5:]] == [1e-4, 1e-2, None, True, False]
    assert [dropout[name] for name in FIELDS[5:]] == [0, 0.9, 0.0001, False, False]
