"""How much of sweeps MLflow has, from the mirror's tables, in one query for many sweeps as for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, and_, case, func, select
from sqlalchemy.orm import Session

from services.store.clock import db_now
from services.store.json_rows import GIVEN_IDS, given_ids
from services.store.models import MirrorTrial, Report, Trial

# Made once, and of the tables: to make a statement takes longer than to execute it.
_MIRRORED, _TRIALS, _REPORTS = (cast(Table, model.__table__) for model in (MirrorTrial, Trial, Report))
_KEPT = _MIRRORED.c.left_out.is_(None)
_SHOWN = func.coalesce(
    and_(_MIRRORED.c.exported_state == _TRIALS.c.state, _MIRRORED.c.exported_epoch == _TRIALS.c.epoch),
    False,
)
_NEXT_EPOCH = case((_MIRRORED.c.exported_epoch < 0, _TRIALS.c.epoch), else_=_MIRRORED.c.exported_epoch + 1)
# Only of trials that are behind: a join would read every report of the sweep.
_REPORTED = select(_REPORTS.c.at).where(_REPORTS.c.trial_id == _TRIALS.c.id, _REPORTS.c.epoch == _NEXT_EPOCH)
_SINCE = func.coalesce(_REPORTED.scalar_subquery(), _TRIALS.c.finished_at, db_now())
_STATUS = (
    select(
        _TRIALS.c.sweep_id,
        func.sum(case((and_(_KEPT, _SHOWN), 1), else_=0)),
        func.sum(case((_KEPT, 1), else_=0)),
        db_now() - func.min(case((and_(_KEPT, ~_SHOWN), _SINCE))),
        func.sum(case((_KEPT, 0), else_=1)),
        func.max(case((~_KEPT, _MIRRORED.c.reason))),
    )
    .join(_MIRRORED, _MIRRORED.c.trial_id == _TRIALS.c.id)
    .where(_TRIALS.c.sweep_id.in_(GIVEN_IDS), _TRIALS.c.started_at.is_not(None))
    .group_by(_TRIALS.c.sweep_id)
)


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
    rows = session.execute(_STATUS, given_ids(sweep_ids))
    found = {sweep_id: MirrorStatus() for sweep_id in sweep_ids}
    for sweep_id, runs, of, behind, left_out, reason in rows:
        found[sweep_id] = MirrorStatus(int(runs), int(of), max(0, int(behind or 0)), int(left_out), reason)
    return found
