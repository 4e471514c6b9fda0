"""What an export shows of trials and of their curves: plain rows in pages, each page found by an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Text, and_, bindparam, cast, or_, select
from sqlalchemy.orm import Session

from services.store.models import Report, Trial


class TrialRow(NamedTuple):
    """A trial."""

    id: str
    number: int
    point: int
    replicate: int
    state: str
    values: dict[str, Any]
    seed: int
    best_value: float | None
    best_epoch: int | None
    last_value: float | None
    epoch: int
    target_epoch: int
    attempts: int
    started_at: int | None
    finished_at: int | None
    failure: dict[str, Any] | None
    reused_from: str | None


class CurveRow(NamedTuple):
    """An epoch of a trial; `metrics` is the text of a JSON object."""

    id: str
    number: int
    point: int
    replicate: int
    epoch: int
    at: int
    metrics: str


_LIMIT: BindParameter[int] = bindparam("limit")
_NUMBER: BindParameter[int] = bindparam("number")
_EPOCH: BindParameter[int] = bindparam("epoch")
# Made once, and of columns: to make a statement or an object of each row takes longer than to read the row.
_TRIALS = (
    select(*(getattr(Trial, name) for name in TrialRow._fields))
    .where(Trial.sweep_id == bindparam("sweep"), Trial.number > _NUMBER)
    .order_by(Trial.number)
    .limit(_LIMIT)
)
_CURVES = (
    select(
        *(Trial.id, Trial.number, Trial.point, Trial.replicate),
        *(Report.epoch, Report.at, cast(Report.metrics, Text)),
    )
    .join(Report, Report.trial_id == Trial.id)
    .where(Trial.sweep_id == bindparam("sweep"), Trial.number >= _NUMBER)
    .where(or_(Trial.number > _NUMBER, and_(Trial.number == _NUMBER, Report.epoch > _EPOCH)))
    .order_by(Trial.number, Report.epoch)
    .limit(_LIMIT)
)


def trials(session: Session, sweep_id: str, limit: int, number: int = -1) -> Sequence[TrialRow]:
    """A sweep's trials by number, behind the one with this number."""
    rows = session.execute(_TRIALS, {"sweep": sweep_id, "number": number, "limit": limit})
    return [TrialRow._make(row) for row in rows]


def curves(
    session: Session, sweep_id: str, limit: int, number: int = -1, epoch: int = 0
) -> Sequence[CurveRow]:
    """A sweep's reports by trial and epoch, behind this epoch of the trial with this number."""
    given = {"sweep": sweep_id, "number": number, "epoch": epoch, "limit": limit}
    return [CurveRow._make(row) for row in session.execute(_CURVES, given)]
