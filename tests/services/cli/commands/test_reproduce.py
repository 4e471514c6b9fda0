"""services/cli/commands/reproduce.py; with a worker it is tested in tests/whole/test_reproduce_command.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.cli.commands.reproduce import _wait_for_trial
from services.cli.errors import CliError
from services.cli.show.output import Output

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]
Give = Callable[[str, dict[int, list[float]]], None]
VIEW: dict[str, Any] = {
    "id": "s", "name": "again", "state": "succeeded", "ended_by": None, "eta_seconds": None,
    "epochs": {"done": 2, "total": 2, "reused": 0},
    "trials": {"total": 1, "succeeded": 1, "pruned": 0, "running": 0, "held": 0, "failed": 0, "cancelled": 0},
    "best": None, "blockers": [], "setbacks": [],
}  # fmt: skip


class OneTrial:
    """A client whose sweep ends in a state, with one trial in a state."""

    def __init__(self, sweep: str, trial: str) -> None:
        self.sweep, self.trial = sweep, trial

    def watch(self, sweep_id: str) -> Iterator[dict[str, Any]]:
        """The sweep twice, unchanged."""
        yield from [{**VIEW, "state": self.sweep}] * 2

    def trials(self, sweep_id: str) -> Iterator[dict[str, Any]]:
        """The one trial."""
        yield {"id": "s-0000", "state": self.trial}


def test_a_trial_that_has_not_trained_cannot_be_reproduced(at: Run, submit: Submit, give: Give) -> None:
    sweep = submit()
    give(sweep, {})
    code, _, err = at("reproduce", f"{sweep}-0000")
    assert code == 1
    assert "only a trial that has trained can be reproduced" in err


def test_progress_is_printed_once_per_change(capsys: pytest.CaptureFixture[str]) -> None:
    client: Any = OneTrial("succeeded", "succeeded")
    assert _wait_for_trial(client, VIEW, Output(False)) == "s-0000"
    assert capsys.readouterr().out == "again succeeded: 1 of 1 trial done, 2/2 epochs\n"


@pytest.mark.parametrize(("sweep", "trial"), [("cancelled", "cancelled"), ("partial", "cancelled")])
def test_a_cancelled_rerun_has_nothing_to_compare(sweep: str, trial: str) -> None:
    client: Any = OneTrial(sweep, trial)
    with pytest.raises(CliError, match="nothing to compare"):
        _wait_for_trial(client, VIEW, Output(False))
