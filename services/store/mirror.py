"""What MLflow has of each sweep and trial, and the lease under which one process at a time mirrors it.

A trial's `exported_epoch` and `exported_state` say how far its run goes; an epoch of CORRECTED says that a
reported value has changed, so the run is written again. A sweep's `exported` is "<state>:<digest of what its
run shows>:<digest of the addresses in it>". What is `left_out` is not exported any more, and what failed not
`not_before` its next try. All of this is in tables of its own: mirroring neither updates nor locks a row of
`sweeps` or `trials`. Which sweeps are behind stands in a table of changes, so that asking for them costs
nothing while there are none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session, aliased, joinedload

from services.domain.errors import ServiceError
from services.domain.states import TRIAL_FINAL, TrialState
from services.store.at_commit import gather
from services.store.clock import db_now, in_seconds, seconds_ago
from services.store.left_out import LeftOut
from services.store.mirror_change import MirrorChange
from services.store.models import (
    MirrorSweep,
    MirrorTrial,
    Pack,
    PackRow,
    Report,
    Sweep,
    Trial,
)
from services.store.session import touched

CORRECTED = -1
_ANY_CHANGE = select(exists(select(MirrorChange.id)))  # made once, because it is asked all the time
_NOTE = insert(MirrorChange.__table__).inline()  # type: ignore[arg-type]
FAILED = MirrorTrial.failures > literal_column("0")  # as the partial index has it
NO_FAILURE: dict[str, Any] = {"failures": 0, "not_before": 0, "reason": None}


class MirrorLeaseLost(ServiceError):
    """Another process mirrors this sweep by now: write nothing more."""


@dataclass(frozen=True)
class MirrorLease:
    """The right to mirror one sweep; `owner` is unique to the process."""

    sweep_id: str
    owner: str
    ttl: float  # seconds


@dataclass(frozen=True)
class MeasuredTrial:
    """A trial, its reports in order, and the pack of its latest attempt."""

    trial: Trial
    curve: Sequence[Report]
    pack: Pack | None


@dataclass(frozen=True)
class TrialMark:
    """A trial's run and how far it goes, in place of `before`."""

    trial_id: str
    run_id: str
    before: int  # epoch
    epoch: int
    state: str


def take(session: Session, lease: MirrorLease) -> bool:
    """Begin to mirror a sweep; False while another process does."""
    owner = MirrorSweep.lease_owner
    return _renew(
        session, lease, or_(owner.is_(None), owner == lease.owner, MirrorSweep.lease_until < db_now())
    )


def keep(session: Session, lease: MirrorLease) -> None:
    """Renew a lease and lock its row, or raise `MirrorLeaseLost`: first in every write under it."""
    if not _renew(session, lease, MirrorSweep.lease_owner == lease.owner):
        raise MirrorLeaseLost(f"sweep {lease.sweep_id} is mirrored by another process")


def release(session: Session, lease: MirrorLease) -> None:
    """Give the lease back."""
    mine = MirrorSweep.sweep_id == lease.sweep_id, MirrorSweep.lease_owner == lease.owner
    session.execute(update(MirrorSweep).where(*mine).values(lease_owner=None, lease_until=0))


# ---- what is to be exported


def changed(session: Session, sweep_id: str) -> None:
    """Note in a transaction that it changes something which MLflow shows of a sweep.

    Rows are only added here, and deleted by whoever holds the mirror's lease: writers wait neither for each
    other nor for the mirror, and a change that commits while the sweep is mirrored outlasts that. One row is
    enough for a transaction.
    """
    gather(session, _note, [sweep_id])


def _note(session: Session, sweep_ids: Sequence[str]) -> None:
    session.execute(_NOTE, [{"sweep_id": sweep_id} for sweep_id in dict.fromkeys(sweep_ids)])


def is_changed(session: Session) -> bool:
    """Whether any sweep has changed since MLflow had all of it."""
    return bool(session.execute(_ANY_CHANGE).scalar_one())


def behind(session: Session, addresses: str) -> Sequence[str]:
    """Sweeps that have changed since MLflow had all of them, longest ago first.

    Behind them are those with old links, and those with a trial that failed and may be tried again.
    """
    here, mirrored = MirrorSweep.addresses, MirrorSweep.left_out.is_(None)
    changed_at = (
        select(MirrorChange.sweep_id, func.min(MirrorChange.id).label("first"))
        .join(MirrorSweep, MirrorSweep.sweep_id == MirrorChange.sweep_id)
        .where(mirrored)
        .group_by(MirrorChange.sweep_id)
    )
    # Neither `<>` nor an order, for which SQLite would read the whole table.
    outdated = select(MirrorSweep.sweep_id, null()).where(or_(here < addresses, here > addresses), mirrored)
    again = (
        select(Trial.sweep_id, null())
        .join(MirrorTrial, MirrorTrial.trial_id == Trial.id)
        .join(MirrorSweep, MirrorSweep.sweep_id == Trial.sweep_id)
        .where(FAILED, MirrorTrial.not_before <= db_now(), _trial_behind(), mirrored)
    )
    rows: list[Any] = list(session.execute(union_all(changed_at, outdated, again)))
    ordered = sorted(rows, key=lambda row: (row.first is None, row.first, row.sweep_id))
    return list(dict.fromkeys(row.sweep_id for row in ordered))


def is_left_alone(session: Session, sweep_id: str, seconds: float) -> bool:
    """Whether MLflow has taken nothing of a sweep for so many seconds, although nothing forbids it."""
    long_ago = seconds_ago(seconds)
    alone = (
        select(MirrorSweep.sweep_id)
        .join(Sweep, Sweep.id == MirrorSweep.sweep_id)
        .where(MirrorSweep.sweep_id == sweep_id, MirrorSweep.left_out.is_(None))
        .where(MirrorSweep.mirrored_at < long_ago, Sweep.created_at < long_ago)
        .where(MirrorSweep.not_before <= db_now(), MirrorSweep.lease_until < db_now())
    )
    return session.scalars(alone).one_or_none() is not None


def changes(session: Session, sweep_id: str) -> Sequence[int]:
    """A sweep's changes; read before the sweep itself is."""
    return session.scalars(select(MirrorChange.id).where(MirrorChange.sweep_id == sweep_id)).all()


def forget_changes(session: Session, lease: MirrorLease, seen: Sequence[int]) -> None:
    """Delete changes that MLflow has by now, unless a trial of the sweep is behind that could be sent."""
    keep(session, lease)
    if seen and not trials_behind(session, lease.sweep_id):
        session.execute(delete(MirrorChange).where(MirrorChange.id.in_(seen)))


def thin_changes(session: Session) -> None:
    """Delete all changes of each sweep but its newest: without MLflow nobody else would."""
    newer = aliased(MirrorChange)
    outdone = exists().where(newer.sweep_id == MirrorChange.sweep_id, newer.id > MirrorChange.id)
    session.execute(delete(MirrorChange).where(outdone).execution_options(synchronize_session=False))


def trials_behind(session: Session, sweep_id: str) -> Sequence[str]:
    """Ids of a sweep's trials of which SQL has more than MLflow; a trial that never ran has no run.

    Those that train come first, of these the ones of which most epochs are missing: their curves are watched.
    """
    ended = case((Trial.state.in_(TRIAL_FINAL), 1), else_=0)
    missing = case((ended == 1, 0), else_=Trial.epoch - MirrorTrial.exported_epoch)
    return session.scalars(
        select(Trial.id)
        .join(MirrorTrial, MirrorTrial.trial_id == Trial.id)
        .where(Trial.sweep_id == sweep_id, _trial_behind(), MirrorTrial.not_before <= db_now())
        .order_by(ended, missing.desc(), Trial.number)
    ).all()


def runs(session: Session, sweep_id: str) -> Sequence[str | None]:
    """The runs of a sweep's trials."""
    return session.scalars(
        select(MirrorTrial.run_id)
        .join(Trial, Trial.id == MirrorTrial.trial_id)
        .where(Trial.sweep_id == sweep_id)
    ).all()


def measured(session: Session, trial_ids: Sequence[str]) -> dict[str, MeasuredTrial]:
    """All that the runs of these trials show, read in three queries."""
    trials = session.scalars(
        select(Trial).where(Trial.id.in_(trial_ids)).options(joinedload(Trial.mirror))
    ).all()
    curves: dict[str, list[Report]] = {trial.id: [] for trial in trials}
    reports = select(Report).where(Report.trial_id.in_(trial_ids)).order_by(Report.epoch)
    for report in session.scalars(reports):
        curves[report.trial_id].append(report)
    packs = (
        select(PackRow.trial_id, Pack)
        .join(Pack, PackRow.pack_id == Pack.id)
        .where(PackRow.trial_id.in_(trial_ids), Pack.leased_at.is_not(None))
        .order_by(Pack.leased_at, Pack.created_at)
    )
    latest: dict[str, Pack] = {}
    for trial_id, pack in session.execute(packs):
        latest[trial_id] = pack
    return {trial.id: MeasuredTrial(trial, curves[trial.id], latest.get(trial.id)) for trial in trials}


def last_finish(session: Session, sweep_id: str) -> int | None:
    """When the latest of a sweep's trials ended, in ms."""
    return session.scalars(
        select(Trial.finished_at)
        .where(Trial.sweep_id == sweep_id, Trial.finished_at.is_not(None))
        .order_by(Trial.finished_at.desc())
        .limit(1)
    ).one_or_none()


def _trial_behind() -> ColumnElement[bool]:
    state = MirrorTrial.exported_state
    old = or_(state.is_(None), state != Trial.state, MirrorTrial.exported_epoch != Trial.epoch)
    return and_(Trial.started_at.is_not(None), old, MirrorTrial.left_out.is_(None))


# ---- what has been exported


def store_parent(session: Session, lease: MirrorLease, experiment_id: str, run_id: str) -> None:
    """Store the sweep's experiment and run."""
    _write_sweep(session, lease, experiment_id=experiment_id, run_id=run_id)


def begin(session: Session, lease: MirrorLease, trial_ids: Sequence[str]) -> set[str]:
    """Store that runs of these trials are about to be made, where none is known.

    Returns the trials of which that was stored before: whoever did so may have made runs.
    """
    keep(session, lease)
    unknown = MirrorTrial.trial_id.in_(trial_ids), MirrorTrial.run_id.is_(None)
    before = session.scalars(select(MirrorTrial.trial_id).where(*unknown, MirrorTrial.begun)).all()
    session.execute(
        update(MirrorTrial)
        .where(*unknown, MirrorTrial.begun.is_(False))
        .values(begun=True)
        .execution_options(synchronize_session=False)
    )
    return set(before)


def end_begun(session: Session, lease: MirrorLease, trial_ids: Sequence[str]) -> None:
    """Store that no runs were made of these trials after all."""
    keep(session, lease)
    session.execute(
        update(MirrorTrial)
        .where(MirrorTrial.trial_id.in_(trial_ids), MirrorTrial.run_id.is_(None))
        .values(begun=False)
        .execution_options(synchronize_session=False)
    )


def store_run(session: Session, lease: MirrorLease, trial_id: str, run_id: str) -> None:
    """Store a trial's new run, and that none of its metrics are there yet."""
    keep(session, lease)
    _write_trial(session, trial_id, run_id=run_id, exported_epoch=0, exported_state=None)


def leave_out_trial(session: Session, lease: MirrorLease, trial_id: str, why: LeftOut, reason: str) -> None:
    """Export nothing more of a trial."""
    keep(session, lease)
    _write_trial(session, trial_id, left_out=why, reason=reason)


def leave_out_sweep(session: Session, lease: MirrorLease, why: LeftOut, reason: str) -> None:
    """Export nothing more of a sweep."""
    _write_sweep(session, lease, left_out=why, reason=reason)


def mark_trials(session: Session, lease: MirrorLease, marks: Sequence[TrialMark]) -> None:
    """Store runs of trials and how far they go, save where a value was corrected since that was `before`.

    What the sweep's run shows is forgotten with it, because its leaderboard is now old.
    """
    _write_sweep(session, lease, exported=None, mirrored_at=db_now())
    for mark in marks:
        unchanged = MirrorTrial.exported_epoch == mark.before
        there = {"run_id": mark.run_id, "exported_epoch": mark.epoch, "exported_state": mark.state}
        _write_trial(session, mark.trial_id, unchanged, **there, **NO_FAILURE)


def mark_sweep(session: Session, lease: MirrorLease, exported: str) -> None:
    """Store what the sweep's run shows."""
    here = exported.rpartition(":")[2]
    _write_sweep(session, lease, exported=exported, addresses=here, mirrored_at=db_now(), **NO_FAILURE)


def mark_view(session: Session, lease: MirrorLease) -> None:
    """Store that MLflow has the sweep's saved views."""
    _write_sweep(session, lease, view_saved=True)


def start_over(session: Session, lease: MirrorLease) -> None:
    """Forget every run of a sweep, because MLflow has lost its data; what is left out stays so."""
    nothing = {"experiment_id": None, "run_id": None, "exported": None, "view_saved": False}
    no_run = {"run_id": None, "exported_epoch": 0, "exported_state": None}
    no_mark = {"begun": False, "point_ended": False, "files_due": False}
    _write_sweep(session, lease, **nothing)
    trials = select(Trial.id).where(Trial.sweep_id == lease.sweep_id)
    session.execute(
        update(MirrorTrial)
        .where(MirrorTrial.trial_id.in_(trials))
        .values(no_run | no_mark)
        .execution_options(synchronize_session=False)
    )
    changed(session, lease.sweep_id)


def correct(session: Session, sweep_id: str, trial_ids: Collection[str]) -> None:
    """Have the runs of trials written again, because a value that they may show has changed."""
    session.execute(
        update(MirrorTrial)
        .where(MirrorTrial.trial_id.in_(trial_ids))
        .values(exported_epoch=CORRECTED)
        .execution_options(synchronize_session=False)
    )
    changed(session, sweep_id)


def retried(session: Session, sweep_id: str) -> None:
    """Have the ends of a sweep's retried trials written anew, even if they fail again before a round."""
    pending = select(Trial.id).where(Trial.sweep_id == sweep_id, Trial.state == TrialState.PENDING)
    session.execute(
        update(MirrorTrial)
        .where(MirrorTrial.trial_id.in_(pending), MirrorTrial.exported_state.in_(TRIAL_FINAL))
        .values(exported_state=None)
        .execution_options(synchronize_session=False)
    )


def _renew(session: Session, lease: MirrorLease, condition: ColumnElement[bool]) -> bool:
    renewed = session.execute(
        update(MirrorSweep)
        .where(MirrorSweep.sweep_id == lease.sweep_id, condition)
        .values(lease_owner=lease.owner, lease_until=in_seconds(lease.ttl))
        .execution_options(synchronize_session=False)
    )
    return bool(touched(renewed))


def _write_sweep(session: Session, lease: MirrorLease, **values: Any) -> None:
    keep(session, lease)
    session.execute(
        update(MirrorSweep)
        .where(MirrorSweep.sweep_id == lease.sweep_id)
        .values(values)
        .execution_options(synchronize_session=False)
    )


def _write_trial(session: Session, trial_id: str, *only: ColumnElement[bool], **values: Any) -> None:
    # Only once in a transaction: at a second update of a row PostgreSQL checks its reference to the trial,
    # and would wait for whoever has locked that.
    session.execute(
        update(MirrorTrial)
        .where(MirrorTrial.trial_id == trial_id, *only)
        .values(values)
        .execution_options(synchronize_session=False)
    )
