"""services/cli/show/whole_sweep.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.cli.show.output import Output
from services.cli.show.whole_sweep import watch_to_the_end

SWEEP: dict[str, Any] = {
    "id": "s", "name": "grid", "state": "succeeded", "axes": [], "seeds": 1, "folds": 1, "cost": None,
    "trials": {"total": 1, "succeeded": 1, "pruned": 0, "running": 0, "held": 0, "failed": 0, "cancelled": 0},
    "epochs": {"done": 3, "total": 3, "reused": 0},
    "eta_seconds": None, "best": None, "blockers": [], "setbacks": [],
    "objective": {"metric": "val/acc"},
    "mlflow": None, "ended_by": None,
    "links": {"mlflow": "http://there", "mlflow_table": None, "mlflow_means": None},
}  # fmt: skip


class Sweeps:
    """A client with one sweep, whose watching Ctrl-C may end."""

    def __init__(self, state: str, interrupted: bool = False) -> None:
        self.state, self.interrupted = state, interrupted

    def watch(self, sweep_id: str) -> Iterator[dict[str, Any]]:
        """The sweep, once."""
        yield {**SWEEP, "state": self.state}
        if self.interrupted:
            raise KeyboardInterrupt

    def leaderboard(self, sweep_id: str, limit: int) -> dict[str, Any]:
        """No points, but a comparison."""
        return {"points": [], "comparison": {"words": "they differ"}}


@pytest.mark.parametrize(("state", "code"), [("succeeded", 0), ("partial", 1), ("cancelled", 1)])
def test_the_exit_code_is_whether_every_trial_succeeded(state: str, code: int) -> None:
    client: Any = Sweeps(state)
    assert watch_to_the_end(client, "s", Output(False)) == code


def test_the_results_follow_the_progress(capsys: pytest.CaptureFixture[str]) -> None:
    client: Any = Sweeps("succeeded")
    watch_to_the_end(client, "s", Output(False))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "grid succeeded: 1 of 1 trial done, 3/3 epochs"
    assert lines[-2:] == ["they differ", "mlflow  http://there"]


def test_ctrl_c_leaves_the_sweep_and_how_to_return(capsys: pytest.CaptureFixture[str]) -> None:
    client: Any = Sweeps("active", interrupted=True)
    assert watch_to_the_end(client, "s", Output(True)) == 130
    assert "The sweep continues; watch it again with: cnnlab watch s\n" in capsys.readouterr().err
