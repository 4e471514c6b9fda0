"""The results of a sweep's drawn trials, as its effects and figures need them: plain rows in one query."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, cast

from sqlalchemy import Integer, Select, Table, bindparam, select
from sqlalchemy.orm import Session

from services.domain.results.compared import ResultsAtEpoch, TrialResult
from services.domain.results.intervals import is_usable
from services.domain.spec.objective import Objective
from services.store.models import Report, Trial

MAX_STATEMENTS = 64  # kept: one for each metric
_TRIALS, _REPORTS = (cast(Table, model.__table__).c for model in (Trial, Report))


def results_at(session: Session, sweep_id: str, objective: Objective, epoch: int) -> ResultsAtEpoch:
    """What the drawn trials had reached after an epoch: their best value up to it, or their value at it.

    That is what the objective says. A trial that has not reported a finite value has None, or is missing.
    """
    curve, larger = _curves(objective.metric, objective.at), objective.goal == "maximize"
    found: dict[int, float | None] = {}
    for number, text in session.execute(curve, {"sweep": sweep_id, "until": epoch}):
        value = None if text is None else float(text)
        if is_usable(value):
            before = found.get(number)
            if before is None or (value > before if larger else value < before):
                found[number] = value
    return ResultsAtEpoch(epoch, found)


def trial_results(
    session: Session, sweep_id: str, objective: Objective, values: dict[int, Mapping[str, Any]] | None = None
) -> list[TrialResult]:
    """The drawn trials by number, each with the value that ranks it.

    `values` has those of the axes by point, as far as the caller has kept them, and gets those of new points:
    a point never changes, and to read its values takes longer than all else of its trials.
    """
    values = {} if values is None else values
    rows = session.execute(_query(objective.at), {"sweep": sweep_id}).all()
    new = {point: number for number, point, *_ in reversed(rows) if point not in values}
    if new:
        within = {"sweep": sweep_id, "first": min(new.values()), "last": max(new.values())}
        for point, found in session.execute(_VALUES, within):
            values.setdefault(point, found)
    return [
        TrialResult(number, point, replicate, state, values[point], value, epoch, finished_at, rule)
        for number, point, replicate, state, value, epoch, finished_at, rule in rows
    ]


# Made once, and of the tables, not of the classes: rows of these take longer to make.
@lru_cache(MAX_STATEMENTS)
def _query(at: Literal["best", "last"]) -> Select[Any]:
    return (
        select(
            _TRIALS.number,
            _TRIALS.point,
            _TRIALS.replicate,
            _TRIALS.state,
            _TRIALS.best_value if at == "best" else _TRIALS.last_value,
            _TRIALS.epoch,
            _TRIALS.finished_at,
            _TRIALS.stopped["rule"].as_string(),
        )
        .where(_TRIALS.sweep_id == bindparam("sweep"))
        .order_by(_TRIALS.number)
    )


_VALUES = select(_TRIALS.point, _TRIALS["values"]).where(
    _TRIALS.sweep_id == bindparam("sweep"), _TRIALS.number.between(bindparam("first"), bindparam("last"))
)


@lru_cache(MAX_STATEMENTS)
def _curves(metric: str, at: Literal["best", "last"]) -> Select[Any]:
    # As text, which a number that is not finite has, too.
    until = bindparam("until", type_=Integer)
    return (
        select(_TRIALS.number, _REPORTS.metrics[metric].as_string())
        .join_from(Trial.__table__, Report.__table__, _REPORTS.trial_id == _TRIALS.id)
        .where(
            _TRIALS.sweep_id == bindparam("sweep"),
            _REPORTS.epoch <= until if at == "best" else _REPORTS.epoch == until,
        )
    )
