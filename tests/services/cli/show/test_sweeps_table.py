"""services/cli/show/sweeps_table.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.cli.show.sweeps_table import sweeps_table

SWEEP: dict[str, Any] = {
    "id": "01abc",
    "name": "grid",
    "project": "p",
    "state": "partial",
    "trials": {"total": 18, "succeeded": 9, "pruned": 0, "running": 0, "failed": 3, "cancelled": 6},
    "objective": {"metric": "val/acc", "at": "best"},
    "best": {"text": "0.760 ± 0.020"},
    "created_at": "2026-01-02T03:04:05Z",
    "blocked_by": None,
}


def test_a_list_counts_successes_and_names_failures_and_the_metric(
    printed: Callable[[Any], list[str]],
) -> None:
    _, line = printed(sweeps_table([SWEEP]))
    assert " 9/18, 3 failed " in line
    assert " val/acc 0.760 ± 0.020 " in line

    _, line = printed(sweeps_table([{**SWEEP, "state": "active", "blocked_by": "no worker is running"}]))
    assert " active, blocked " in line

    sound = {**SWEEP, "trials": {**SWEEP["trials"], "failed": 0}, "best": None}
    _, line = printed(sweeps_table([sound]))
    assert " 9/18 " in line
    assert "failed" not in line
    assert "val/acc" not in line
