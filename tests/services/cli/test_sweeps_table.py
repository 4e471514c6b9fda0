"""services/cli/sweeps_table.py."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from services.cli.sweeps_table import sweeps

SWEEP: dict[str, Any] = {
    "id": "01abc",
    "name": "grid",
    "project": "p",
    "state": "partial",
    "trials": {"total": 18, "succeeded": 9, "pruned": 0, "running": 0, "failed": 3, "cancelled": 6},
    "objective": {"metric": "val/acc", "at": "best"},
    "best": {"text": "0.760 ± 0.020"},
    "created_at": "2026-01-02T03:04:05Z",
}


def printed(sweep: dict[str, Any]) -> str:
    console = Console(file=StringIO(), width=200)
    console.print(sweeps([sweep]))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_list_counts_successes_and_names_failures_and_the_metric() -> None:
    line = printed(SWEEP)
    assert " 9/18, 3 failed " in line
    assert " val/acc 0.760 ± 0.020 " in line

    line = printed({**SWEEP, "trials": {**SWEEP["trials"], "failed": 0}, "best": None})
    assert " 9/18 " in line
    assert "failed" not in line
    assert "val/acc" not in line
