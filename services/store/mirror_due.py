"""What is to be mirrored, in which order: sweeps by turns, points that have ended, files of the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, exists, func, or_, select, true, update
from sqlalchemy.orm import Session

from services.domain.states import SWEEP_FINAL, TRIAL_FINAL
from services.store.clock import db_now
from services.store.mirror import MirrorLease, keep
from services.store.models import MirrorSweep, MirrorTrial, Sweep, Trial

MAX_SWEEPS_PER_QUERY = 500  # databases limit the parameters of a statement


@dataclass(frozen=True)
class Turns:
    """Sweeps that are behind, oldest first: those without a run, those that go on, those that have ended."""

    new: Sequence[str]
    going: Sequence[str]
    ended: Sequence[str]


@dataclass(frozen=True)
class PointMark:
    """A trial's run that is to say whether all trials of its point have ended."""

    trial_id: str
    run_id: str
    ended: bool


def turns(session: Session, sweep_ids: Sequence[str]) -> Turns:
    """Which of these sweeps are new, go on or have ended; without those that failed and wait for a try."""
    new: list[str] = []
    going: list[str] = []
    ended: list[str] = []
    for start in range(0, len(sweep_ids), MAX_SWEEPS_PER_QUERY):
        some = sweep_ids[start : start + MAX_SWEEPS_PER_QUERY]
        rows = session.execute(
            select(Sweep.id, Sweep.state, MirrorSweep.run_id)
            .join(MirrorSweep, MirrorSweep.sweep_id == Sweep.id)
            .where(Sweep.id.in_(some), MirrorSweep.left_out.is_(None), MirrorSweep.not_before <= db_now())
            .order_by(Sweep.created_at, Sweep.id)
        )
        for sweep_id, state, run_id in rows:
            (new if run_id is None else ended if state in SWEEP_FINAL else going).append(sweep_id)
    return Turns(new, going, ended)


def has_ended(session: Session, sweep_ids: Sequence[str]) -> bool:
    """Whether any of these sweeps has ended."""
    for start in range(0, len(sweep_ids), MAX_SWEEPS_PER_QUERY):
        some = sweep_ids[start : start + MAX_SWEEPS_PER_QUERY]
        if session.scalar(select(exists().where(Sweep.id.in_(some), Sweep.state.in_(sorted(SWEEP_FINAL))))):
            return True
    return False


def point_marks(session: Session, sweep: Sweep) -> Sequence[PointMark]:
    """Runs whose mark is not what SQL says.

    A point has ended when MLflow has the end of each of its trials; one that never ran or is left out has
    none there. While the sweep may draw trials, all replicates must have been drawn.
    """
    never = or_(Trial.started_at.is_(None), MirrorTrial.left_out.is_not(None))
    there = MirrorTrial.exported_state == Trial.state
    open_ = case((Trial.state.not_in(TRIAL_FINAL), 1), (or_(never, there), 0), else_=1)
    drawn = 1 if sweep.state in SWEEP_FINAL else sweep.plan.replicates
    points = (
        select(Trial.point, (func.sum(open_) == 0).label("closed"), (func.count() >= drawn).label("drawn"))
        .join(MirrorTrial, MirrorTrial.trial_id == Trial.id)
        .where(Trial.sweep_id == sweep.id)
        .group_by(Trial.point)
        .subquery()
    )
    rows = session.execute(
        select(Trial.id, MirrorTrial.run_id, points.c.closed, points.c.drawn, MirrorTrial.point_ended)
        .join(MirrorTrial, MirrorTrial.trial_id == Trial.id)
        .join(points, points.c.point == Trial.point)
        .where(Trial.sweep_id == sweep.id, MirrorTrial.run_id.is_not(None), MirrorTrial.left_out.is_(None))
        .order_by(Trial.number)
    )
    found = []
    for trial_id, run_id, closed, all_drawn, said in rows:
        mark = PointMark(trial_id, run_id, bool(closed and all_drawn))
        if mark.ended != said:
            found.append(mark)
    return found


def mark_points(session: Session, lease: MirrorLease, marks: Sequence[PointMark]) -> None:
    """Store what runs say of their points."""
    keep(session, lease)
    for ended in True, False:
        trial_ids = [mark.trial_id for mark in marks if mark.ended == ended]
        if trial_ids:
            session.execute(
                update(MirrorTrial)
                .where(MirrorTrial.trial_id.in_(trial_ids))
                .values(point_ended=ended)
                .execution_options(synchronize_session=False)
            )


def want_files(session: Session, lease: MirrorLease, trial_ids: Sequence[str]) -> None:
    """Have files of these trials sent; of trials without a run nothing can be."""
    keep(session, lease)
    session.execute(
        update(MirrorTrial)
        .where(MirrorTrial.trial_id.in_(trial_ids), MirrorTrial.run_id.is_not(None))
        .values(files_due=True)
        .execution_options(synchronize_session=False)
    )


def sweeps_with_files(session: Session) -> Sequence[str]:
    """Sweeps with trials whose files are to be sent."""
    return session.scalars(
        select(Trial.sweep_id)
        .join(MirrorTrial, MirrorTrial.trial_id == Trial.id)
        .join(MirrorSweep, MirrorSweep.sweep_id == Trial.sweep_id)
        .where(*_files_due(), MirrorSweep.left_out.is_(None))
        .distinct()
    ).all()


def trials_with_files(session: Session, sweep_id: str) -> Sequence[str]:
    """The same trials of one sweep."""
    return session.scalars(
        select(Trial.id)
        .join(MirrorTrial, MirrorTrial.trial_id == Trial.id)
        .where(*_files_due(), Trial.sweep_id == sweep_id)
        .order_by(Trial.number)
    ).all()


def mark_files(session: Session, lease: MirrorLease, trial_id: str, reason: str | None) -> None:
    """Store that a trial's files are where they belong; `reason` is why some could not be made."""
    keep(session, lease)
    session.execute(
        update(MirrorTrial)
        .where(MirrorTrial.trial_id == trial_id)
        .values(files_due=False, failures=0, not_before=0, reason=reason)
        .execution_options(synchronize_session=False)
    )


def _files_due() -> tuple[ColumnElement[bool], ...]:
    return (
        MirrorTrial.files_due == true(),  # as the partial index has it
        MirrorTrial.exported_state.in_(TRIAL_FINAL),
        MirrorTrial.exported_state == Trial.state,
        MirrorTrial.run_id.is_not(None),
        MirrorTrial.left_out.is_(None),
        MirrorTrial.not_before <= db_now(),
    )
