"""Trials whose attempts are given back again and again without a new epoch, and the pause of their sweep."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, exists, literal_column, or_, select, update
from sqlalchemy.orm import Session

from services.domain.retry import MAX_FRUITLESS
from services.domain.states import SWEEP_DISPATCHABLE, TRIAL_PACKED, PackState, SweepState, TrialState
from services.store import moves
from services.store.models import Pack, PackRow, Sweep, Trial
from services.store.sweeps import lock

SOME = Trial.fruitless > literal_column("0")  # as the partial index has it
STUCK = Trial.state == TrialState.PENDING, SOME, Trial.fruitless >= MAX_FRUITLESS


def sweep_ids(session: Session) -> Sequence[str]:
    """Sweeps of which trials may start but some get no further attempt."""
    stuck = select(Trial.sweep_id).where(*STUCK)
    return session.scalars(
        select(Sweep.id).where(Sweep.id.in_(stuck), Sweep.state.in_(SWEEP_DISPATCHABLE)).order_by(Sweep.id)
    ).all()


def halt(session: Session, sweep_id: str) -> str | None:
    """Pause a sweep whose attempts lead nowhere; returns the reason, or None where the sweep goes on.

    It goes on while it makes progress, and while a pack runs that is older than the attempts in vain. One
    that is stopping cannot be paused: its trials without progress are cancelled, so that it ends.
    """
    sweep = lock(session, sweep_id)
    of_sweep = select(Trial).where(Trial.sweep_id == sweep_id, *STUCK).order_by(Trial.number)
    stuck = session.scalars(of_sweep.execution_options(populate_existing=True)).all()
    if not stuck or sweep.state not in SWEEP_DISPATCHABLE or _goes_on(session, sweep, stuck[0]):
        return None
    reason = _reason(session, stuck)
    if sweep.state == SweepState.ACTIVE:
        moves.move_sweep(session, sweep, SweepState.PAUSED, reason)
        return reason
    for trial in stuck:
        trial.failure = {**(trial.failure or {}), "message": reason}
    moves.move_trials(session, sweep_id, [(trial, TrialState.CANCELLED) for trial in stuck])
    return reason


def forgive(session: Session, sweep_id: str) -> None:
    """Let the attempts of a sweep's trials count from the beginning; the next ones follow at once."""
    session.execute(
        update(Trial)
        .where(Trial.sweep_id == sweep_id, Trial.state == TrialState.PENDING, SOME)
        .values(fruitless=0, not_before=0)
        .execution_options(synchronize_session=False)
    )


def _goes_on(session: Session, sweep: Sweep, trial: Trial) -> bool:
    """Whether other trials can train, and did so since this one's attempts have been in vain."""
    latest = (
        select(Pack.leased_at)
        .join(PackRow, PackRow.pack_id == Pack.id)
        .where(PackRow.trial_id == trial.id, Pack.leased_at.is_not(None))
        .order_by(Pack.leased_at.desc())
        .limit(MAX_FRUITLESS)
    )
    began = session.scalars(latest).all()[-1]
    mine = Pack.sweep_id == sweep.id
    older = select(exists().where(mine, Pack.state == PackState.RUNNING, Pack.leased_at < began))
    if session.execute(older).scalar_one():
        return True
    may_start = and_(Trial.state == TrialState.PENDING, Trial.fruitless < MAX_FRUITLESS)
    others = exists().where(Trial.sweep_id == sweep.id, or_(Trial.state.in_(TRIAL_PACKED), may_start))
    drawable = sweep.state == SweepState.ACTIVE and sweep.next_number < sweep.total
    if not drawable and not session.execute(select(others)).scalar_one():
        return False
    return bool(session.execute(select(exists().where(mine, Pack.progress_at >= began))).scalar_one())


def _reason(session: Session, stuck: Sequence[Trial]) -> str:
    trial = stuck[0]
    last = session.scalars(
        select(Pack)
        .join(PackRow, PackRow.pack_id == Pack.id)
        .where(PackRow.trial_id == trial.id)
        .order_by(Pack.leased_at.desc().nulls_last())
        .limit(1)
    ).one()
    beside = f" and {len(stuck) - 1} more" if len(stuck) > 1 else ""
    return (
        f"{trial.fruitless} attempts in a row at trial {trial.number}{beside} ended without a new epoch; "
        f"the last one, by worker {last.worker}: {last.outcome}"
    )
