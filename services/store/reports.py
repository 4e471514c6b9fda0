"""Reports: one row per trial and epoch, never doubled."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.store.models import Report


def curve(session: Session, trial_id: str, after: int = 0) -> Sequence[Report]:
    """A trial's reports beyond an epoch, in order."""
    return session.scalars(
        select(Report).where(Report.trial_id == trial_id, Report.epoch > after).order_by(Report.epoch)
    ).all()
