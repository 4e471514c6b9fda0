"""How much of sweeps MLflow has, from the mirror's tables, in one query for many sweeps as for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from services.store.clock import db_now
from services.store.models import MirrorTrial, Report, Trial


@dataclass(frozen=True)
class MirrorStatus:
    """Trials that have begun, `of` without those left out, and how many of them MLflow has wholly.

    `behind_ms` is the age of the oldest change that MLflow lacks, 0 if there is none; `reason` is why one of
    those left out is.
    """

    runs: int = 0
    of: int = 0
    behind_ms: int = 0
    left_out: int = 0
    reason: str | None = None


def status(session: Session, sweep_ids: Sequence[str]) -> dict[str, MirrorStatus]:
    """The status of each of these sweeps."""
    kept = MirrorTrial.left_out.is_(None)
    shown = and_(MirrorTrial.exported_state == Trial.state, MirrorTrial.exported_epoch == Trial.epoch)
    there = and_(kept, func.coalesce(shown, False))
    missing = and_(kept, ~func.coalesce(shown, False))
    next_epoch = case((MirrorTrial.exported_epoch < 0, Trial.epoch), else_=MirrorTrial.exported_epoch + 1)
    # Only of trials that are behind: a join would read every report of the sweep.
    reported = select(Report.at).where(Report.trial_id == Trial.id, Report.epoch == next_epoch)
    since = func.coalesce(reported.scalar_subquery(), Trial.finished_at, db_now())
    rows = session.execute(
        select(
            Trial.sweep_id,
            func.sum(case((there, 1), else_=0)),
            func.sum(case((kept, 1), else_=0)),
            db_now() - func.min(case((missing, since))),
            func.sum(case((kept, 0), else_=1)),
            func.max(case((~kept, MirrorTrial.reason))),
        )
        .join(MirrorTrial, MirrorTrial.trial_id == Trial.id)
        .where(Trial.sweep_id.in_(sweep_ids), Trial.started_at.is_not(None))
        .group_by(Trial.sweep_id)
    )
    found = {sweep_id: MirrorStatus() for sweep_id in sweep_ids}
    for sweep_id, runs, of, behind, left_out, reason in rows:
        found[sweep_id] = MirrorStatus(int(runs), int(of), max(0, int(behind or 0)), int(left_out), reason)
    return found
