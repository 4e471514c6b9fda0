"""services/cli/show/progress.py."""

from __future__ import annotations

from typing import Any

import pytest

from services.cli.show.output import Output
from services.cli.show.progress import cost, follow, summary

VIEW: dict[str, Any] = {
    "name": "grid",
    "state": "active",
    "finished_at": None,
    "trials": {
        "total": 18,
        "succeeded": 6,
        "pruned": 1,
        "running": 8,
        "held": 0,
        "failed": 2,
        "cancelled": 0,
    },
    "ended_by": None,
    "epochs": {"done": 30, "total": 54, "reused": 0},
    "eta_seconds": 12.3,
    "objective": {"metric": "val/acc", "at": "best"},
    "best": {
        "point": 7,
        "label": "dropout 0.25",
        "text": "0.8765",
        "mean": 0.87654,
        "low": None,
        "high": None,
    },
    "blockers": [],
    "setbacks": [],
    "cost": {"explained": "18 trials in the time of 10.4 plain ones: 58% of"},
}
REFUSED = {"kind": "refused", "message": "the data has changed", "since": None, "remedy": "restore it"}
BEHIND = {"kind": "mlflow", "message": "MLflow does not show 2 trials", "since": None, "remedy": "wait"}


def test_a_view_in_one_line() -> None:
    assert summary(VIEW) == (
        "grid active: 7 of 18 trials done, 8 running, 1 pruned, 2 failed, 30/54 epochs, about 12 s left, "
        "best val/acc 0.8765 (point 7: dropout 0.25)"
    )


def test_trials_at_a_rung_and_an_early_end_are_named() -> None:
    trials = {**VIEW["trials"], "held": 3}
    ended = {"rule": "target", "reason": "val/acc has reached 0.9; the target is 0.9"}
    words = summary({**VIEW, "trials": trials, "ended_by": ended})
    assert "8 running, 3 held, 1 pruned, 2 failed" in words
    assert words.endswith(", ended by target: val/acc has reached 0.9; the target is 0.9")


def test_what_is_not_known_is_left_out() -> None:
    words = summary({**VIEW, "best": None, "eta_seconds": None})
    assert "best" not in words
    assert "left" not in words


def test_a_blocked_sweep_has_nothing_running() -> None:
    words = summary({**VIEW, "eta_seconds": None, "blockers": [REFUSED]})
    assert words.startswith("grid active, blocked: 7 of 18 trials done, 1 pruned, 2 failed, 30/54 epochs")
    assert "8 running" in summary({**VIEW, "blockers": [BEHIND]})
    assert summary({**VIEW, "state": "paused", "blockers": [REFUSED]}).startswith("grid paused: ")


def test_a_new_blocker_and_a_new_setback_are_a_change(capsys: pytest.CaptureFixture[str]) -> None:
    lost = {"kind": "lost", "attempts": 1, "at": "2026-11-28T05:00:00Z", "message": "w fell silent"}
    views = [VIEW, VIEW, {**VIEW, "blockers": [REFUSED]}]
    views.append({**VIEW, "setbacks": [{**lost, "then": "going on from epoch 2"}]})
    follow(views, Output(False))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["grid active", "grid active, blocked", "blocked"]
    assert lines[3] == "  → restore it"
    assert lines[5].startswith("1 attempt lost ")
    assert lines[5].endswith(" ago: w fell silent; going on from epoch 2")


def test_a_note_is_printed_once_and_what_blocks_with_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    blockers = [{**BEHIND, "kind": "compiler", "message": "no compiler"}, REFUSED]
    counts = [{"done": done, "total": 54, "reused": 0} for done in (1, 2, 3)]
    views = [{**VIEW, "blockers": blockers, "epochs": epochs} for epochs in counts]
    follow(views, Output(False))
    printed = capsys.readouterr().out
    assert [printed.count(words) for words in ("no compiler", "the data has changed")] == [1, 3]


def test_the_cost_is_that_of_the_service() -> None:
    assert cost(VIEW) == "18 trials in the time of 10.4 plain ones: 58% of"
    assert cost({**VIEW, "cost": None}) is None


def test_one_is_no_plural() -> None:
    one = {"total": 1, "succeeded": 1, "pruned": 0, "running": 0, "held": 0, "failed": 0, "cancelled": 0}
    words = summary({**VIEW, "trials": one, "epochs": {"done": 1, "total": 1, "reused": 0}})
    assert "1 of 1 trial done, 1/1 epoch, " in words


def test_epochs_that_other_sweeps_have_trained_are_named() -> None:
    half = {**VIEW, "epochs": {"done": 30, "total": 54, "reused": 27}}
    assert "30/54 epochs, 27 of them reused" in summary(half)
