"""What MLflow has of each sweep: bookmarks, and the lease under which one exporter at a time moves them.

A trial's bookmarks are `exported_epoch` (-1: a reported value was corrected, so the run is written anew) and
`exported_state`; a sweep's is `exported`, "<state>:<digest of what the parent run shows>:<digest of the
addresses in it>". The word DELETED in a bookmark says that somebody removed the run in MLflow, and REFUSED
that MLflow would not take it: both are left alone from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from services.domain.errors import ServiceError
from services.store.clock import db_now
from services.store.models import Pack, PackRow, Report, Sweep, Trial

DELETED = "deleted"
REFUSED = "refused"


class ExportLost(ServiceError):
    """Somebody else exports this sweep by now: write nothing more."""


@dataclass(frozen=True)
class Hold:
    """The right to export one sweep; `owner` is unique to the exporter."""

    sweep_id: str
    owner: str
    ttl: float  # seconds


def take(session: Session, hold: Hold) -> bool:
    """Begin to export a sweep; False while somebody else does."""
    free = or_(Sweep.export_owner.is_(None), Sweep.export_owner == hold.owner, Sweep.export_until < db_now())
    return bool(_renew(session, hold, free))


def keep(session: Session, hold: Hold) -> None:
    """First statement of every write under the lease: renew it and lock the sweep, or raise `ExportLost`."""
    if not _renew(session, hold, Sweep.export_owner == hold.owner):
        raise ExportLost(f"sweep {hold.sweep_id} is exported by somebody else")


def release(session: Session, hold: Hold) -> None:
    """Give the lease back."""
    session.execute(
        update(Sweep)
        .where(Sweep.id == hold.sweep_id, Sweep.export_owner == hold.owner)
        .values(export_owner=None, export_until=0)
    )


def behind(session: Session, addresses: str) -> Sequence[str]:
    """Sweeps of which SQL has more than MLflow, or whose links carry other addresses, oldest first."""
    old = or_(
        Sweep.exported.is_(None),
        Sweep.exported.not_like(Sweep.state + ":%:" + addresses),
        exists().where(Trial.sweep_id == Sweep.id, _trial_behind()),
    )
    return session.scalars(
        select(Sweep.id)
        .where(old, Sweep.exported.is_distinct_from(DELETED), Sweep.exported.is_distinct_from(REFUSED))
        .order_by(Sweep.created_at, Sweep.id)
    ).all()


def trials_behind(session: Session, sweep_id: str) -> Sequence[str]:
    """Ids of a sweep's trials of which SQL has more than MLflow; one that never ran has no run."""
    return session.scalars(
        select(Trial.id).where(Trial.sweep_id == sweep_id, _trial_behind()).order_by(Trial.number)
    ).all()


def curve_and_pack(session: Session, trial_id: str) -> tuple[Trial, Sequence[Report], Pack | None]:
    """All that a run shows: the trial, its reports in order, and the pack of its latest attempt."""
    trial = session.get_one(Trial, trial_id)
    curve = session.scalars(select(Report).where(Report.trial_id == trial_id).order_by(Report.epoch)).all()
    pack = session.scalars(
        select(Pack)
        .join(PackRow, PackRow.pack_id == Pack.id)
        .where(PackRow.trial_id == trial_id, Pack.leased_at.is_not(None))
        .order_by(Pack.leased_at.desc(), Pack.created_at.desc())
        .limit(1)
    ).one_or_none()
    return trial, curve, pack


def last_finish(session: Session, sweep_id: str) -> int | None:
    """When the latest of a sweep's trials ended, in ms."""
    return session.scalars(
        select(Trial.finished_at)
        .where(Trial.sweep_id == sweep_id, Trial.finished_at.is_not(None))
        .order_by(Trial.finished_at.desc())
        .limit(1)
    ).one_or_none()


def store_parent(session: Session, hold: Hold, experiment_id: str, run_id: str) -> None:
    """Remember the sweep's experiment and run."""
    keep(session, hold)
    session.execute(
        update(Sweep).where(Sweep.id == hold.sweep_id).values(experiment_id=experiment_id, run_id=run_id)
    )


def store_run(session: Session, hold: Hold, trial_id: str, run_id: str) -> None:
    """Remember a trial's run, and that none of its metrics are there yet."""
    keep(session, hold)
    session.execute(
        update(Trial)
        .where(Trial.id == trial_id)
        .values(run_id=run_id, exported_epoch=0, exported_state=None)
        .execution_options(synchronize_session=False)
    )


def set_aside(session: Session, hold: Hold, trial_id: str, word: str) -> None:
    """Leave a trial alone from now on: its run is DELETED, or REFUSED."""
    keep(session, hold)
    session.execute(
        update(Trial)
        .where(Trial.id == trial_id)
        .values(exported_state=word)
        .execution_options(synchronize_session=False)
    )


def mark_trial(session: Session, hold: Hold, trial_id: str, before: int, epoch: int, state: str) -> None:
    """Move a trial's bookmarks, unless a value was corrected since they stood at `before`.

    The sweep's own bookmark is cleared with them, because the parent run's leaderboard is now old.
    """
    keep(session, hold)
    session.execute(update(Sweep).where(Sweep.id == hold.sweep_id).values(exported=None))
    session.execute(
        update(Trial)
        .where(Trial.id == trial_id, Trial.exported_epoch == before)
        .values(exported_epoch=epoch, exported_state=state)
        .execution_options(synchronize_session=False)
    )


def mark_sweep(session: Session, hold: Hold, exported: str) -> None:
    """Move the sweep's bookmark."""
    keep(session, hold)
    session.execute(update(Sweep).where(Sweep.id == hold.sweep_id).values(exported=exported))


def mark_view(session: Session, hold: Hold) -> None:
    """Remember that MLflow has the sweep's saved views."""
    keep(session, hold)
    session.execute(update(Sweep).where(Sweep.id == hold.sweep_id).values(view_saved=True))


def start_over(session: Session, hold: Hold) -> None:
    """Forget every run of a sweep: the MLflow that had them has lost its data."""
    keep(session, hold)
    left_alone = Trial.exported_state.in_([DELETED, REFUSED])
    session.execute(
        update(Trial)
        .where(Trial.sweep_id == hold.sweep_id)
        .values(
            run_id=None, exported_epoch=0, exported_state=case((left_alone, Trial.exported_state), else_=None)
        )
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Sweep)
        .where(Sweep.id == hold.sweep_id)
        .values(experiment_id=None, run_id=None, exported=None, view_saved=False)
    )


def _trial_behind() -> ColumnElement[bool]:
    state = Trial.exported_state
    old = or_(state.is_(None), state != Trial.state, Trial.exported_epoch != Trial.epoch)
    return and_(Trial.started_at.is_not(None), old, or_(state.is_(None), state.not_in([DELETED, REFUSED])))


def _renew(session: Session, hold: Hold, condition: ColumnElement[bool]) -> int:
    result: Any = session.execute(
        update(Sweep)
        .where(Sweep.id == hold.sweep_id, condition)
        .values(export_owner=hold.owner, export_until=db_now() + int(hold.ttl * 1000))
        .execution_options(synchronize_session=False)
    )
    assert isinstance(result, CursorResult)
    return result.rowcount
