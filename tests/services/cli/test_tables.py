"""services/cli/tables.py."""

from __future__ import annotations

from datetime import datetime
from io import StringIO
from typing import Any

from rich.console import Console

from services.cli.tables import curves, facts, many, when


def printed(shown: Any) -> str:
    console = Console(file=StringIO(), width=200)
    console.print(shown)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_moment_carries_its_distance_from_utc() -> None:
    shown = datetime.fromisoformat(when("2026-01-02T03:04:05Z"))
    assert shown.utcoffset() is not None
    assert shown == datetime.fromisoformat("2026-01-02T03:04:05+00:00")


def test_facts_end_with_their_last_letter() -> None:
    shown = facts({"price": "low", "mlflow": "http://there/[1]", "none": None})
    assert printed(shown) == "price   low\nmlflow  http://there/[1]\n"
    assert not facts({"price": None})


def test_the_best_epoch_stands_with_the_objective_alone() -> None:
    curve = [{"metrics": {"val/acc": 0.9, "val/loss": 1.0}}, {"metrics": {"val/acc": 0.8, "val/loss": 2.0}}]
    _, accuracy, loss = printed(curves(curve, "val/acc", {"epoch": 1, "value": 0.9})).splitlines()
    assert accuracy.rstrip().endswith("0.9    0.8   0.9 in epoch 1")
    assert "epoch" not in loss
    assert "epoch 1" not in printed(curves(curve, "val/acc", None))


def test_one_is_no_plural() -> None:
    assert [many(n, "trial") for n in (0, 1, 2)] == ["0 trials", "1 trial", "2 trials"]
