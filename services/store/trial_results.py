"""The results of a sweep's drawn trials, as its effects and figures need them: plain rows in one query."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from services.domain.results.compared import TrialResult
from services.domain.spec.objective import Objective
from services.store.models import Trial


def trial_results(session: Session, sweep_id: str, objective: Objective) -> list[TrialResult]:
    """The drawn trials by number, each with the value that ranks it."""
    rows = session.execute(_query(objective.at), {"sweep": sweep_id})
    return [TrialResult(*row) for row in rows]


# Made once, and of columns: an object of each row takes longer than the row.
@cache
def _query(at: Literal["best", "last"]) -> Select[Any]:
    return (
        select(
            Trial.number,
            Trial.point,
            Trial.replicate,
            Trial.state,
            Trial.values,
            Trial.best_value if at == "best" else Trial.last_value,
            Trial.epoch,
            Trial.finished_at,
        )
        .where(Trial.sweep_id == bindparam("sweep"))
        .order_by(Trial.number)
    )
