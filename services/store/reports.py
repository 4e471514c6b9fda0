"""Reports: one row per trial and epoch, never doubled."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from services.store.models import Report, Trial


def curve(session: Session, trial_id: str, after: int = 0) -> Sequence[Report]:
    """A trial's reports beyond an epoch, in order."""
    return session.scalars(
        select(Report).where(Report.trial_id == trial_id, Report.epoch > after).order_by(Report.epoch)
    ).all()


def page(
    session: Session, sweep_id: str, limit: int, number: int = -1, epoch: int = 0
) -> Sequence[tuple[Trial, Report]]:
    """A sweep's reports by trial and epoch, behind this epoch of the trial with this number."""
    here = and_(Trial.number == number, Report.epoch > epoch)
    rows = session.execute(
        select(Trial, Report)
        .join(Report, Report.trial_id == Trial.id)
        .where(Trial.sweep_id == sweep_id, or_(here, Trial.number > number), Trial.number >= number)
        .order_by(Trial.number, Report.epoch)
        .limit(limit)
    )
    return [(trial, report) for trial, report in rows]
