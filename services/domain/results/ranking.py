"""Which trial ranks before which: one rule for the leaderboard, `best`, the report and MLflow."""

from __future__ import annotations

from services.domain.spec.objective import Objective
from services.domain.states import TrialState


def tier(has_value: bool, failed: bool) -> int:
    """0 with a value, 1 with a value but failed, 2 without a value, 3 without one and failed.

    A failed trial has no end of its own: its best epoch says what it reached before it diverged or crashed.
    """
    return (0 if has_value else 2) + (1 if failed else 0)


def rank(state: str, value: float | None, objective: Objective) -> tuple[int, float]:
    """Order trials, best first: by tier, then by the value that the objective takes of the trial."""
    return tier(value is not None, state == TrialState.FAILED), objective.key(value)
