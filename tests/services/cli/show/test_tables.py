"""services/cli/show/tables.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.cli.show.tables import curves, facts

Printed = Callable[[Any], list[str]]


def test_facts_have_no_trailing_spaces() -> None:
    shown = facts({"cost": "low", "mlflow": "http://there/[1]", "none": None})
    assert shown.plain == "cost    low\nmlflow  http://there/[1]"
    assert not facts({"cost": None})


def test_only_the_objective_has_its_best_epoch(printed: Printed) -> None:
    curve = [{"metrics": {"val/acc": 0.9, "val/loss": 1.0}}, {"metrics": {"val/acc": 0.8, "val/loss": 2.0}}]
    _, accuracy, loss = printed(curves(curve, "val/acc", {"epoch": 1, "value": 0.9}, {}))
    assert accuracy.endswith(" 0.9 0.8 0.9 in epoch 1")
    assert "epoch" not in loss
    assert "epoch 1" not in "".join(printed(curves(curve, "val/acc", None, {})))


def test_a_metric_of_a_class_has_its_name_beside_it(printed: Printed) -> None:
    curve = [{"metrics": {"val/recall-0": 0.9, "val/recall-1": 0.5, "val/acc": 0.7}}]
    _, accuracy, first, second = printed(curves(curve, "val/acc", None, {"recall-0": "big cats"}))
    assert accuracy.startswith("val/acc ")
    assert first.startswith("val/recall-0 (big cats) ")
    assert second.startswith("val/recall-1 ")
    assert "(" not in second
