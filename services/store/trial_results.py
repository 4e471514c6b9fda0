"""The results of a sweep's drawn trials, as its effects and figures need them: plain rows in one query."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import Integer, Select, bindparam, select
from sqlalchemy.orm import Session

from services.domain.results.compared import ResultsAtEpoch, TrialResult
from services.domain.results.intervals import is_usable
from services.domain.spec.objective import Objective
from services.store.models import Report, Trial

MAX_STATEMENTS = 64  # kept: one for each metric


def results_at(session: Session, sweep_id: str, objective: Objective, epoch: int) -> ResultsAtEpoch:
    """What the drawn trials had reached after an epoch: their best value up to it, or their value at it.

    That is what the objective says. A trial that has not reported a finite value has None, or is missing.
    """
    curve = _curves(objective.metric, objective.at)
    found: dict[int, float | None] = {}
    for number, text in session.execute(curve, {"sweep": sweep_id, "until": epoch}):
        value = None if text is None else float(text)
        if is_usable(value):
            found[number] = min(value, found.get(number), key=objective.key)
    return ResultsAtEpoch(epoch, found)


def trial_results(session: Session, sweep_id: str, objective: Objective) -> list[TrialResult]:
    """The drawn trials by number, each with the value that ranks it."""
    rows = session.execute(_query(objective.at), {"sweep": sweep_id})
    return [TrialResult(*row) for row in rows]


# Made once, and of columns: an object of each row takes longer than the row.
@lru_cache(MAX_STATEMENTS)
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
            Trial.stopped["rule"].as_string(),
        )
        .where(Trial.sweep_id == bindparam("sweep"))
        .order_by(Trial.number)
    )


@lru_cache(MAX_STATEMENTS)
def _curves(metric: str, at: Literal["best", "last"]) -> Select[Any]:
    # As text, which a number that is not finite has, too.
    until = bindparam("until", type_=Integer)
    return (
        select(Trial.number, Report.metrics[metric].as_string())
        .join(Report, Report.trial_id == Trial.id)
        .where(
            Trial.sweep_id == bindparam("sweep"),
            Report.epoch <= until if at == "best" else Report.epoch == until,
        )
    )
