"""Endings: how trials leave a pack and how packs end, whether their worker or rescue ends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services.domain.errors import ServiceError
from services.domain.retry import Failure, Record, judge
from services.domain.states import PackState, SweepState, TrialState
from services.store import moves
from services.store.clock import db_now
from services.store.leases import Lease, fence
from services.store.models import Pack, Sweep, Trial
from services.store.session import touched

GIVEN_BACK = (Failure.PREEMPTED, Failure.DAMAGED, Failure.HOST)  # after these a pack is closed, not lost


def end_trial(session: Session, held: Lease, trial_id: str, state: TrialState, **values: Any) -> None:
    """Move one running trial of the pack to a final state; called again, after a lost COMMIT, do nothing."""
    pack = fence(session, held)
    mine = Trial.id == trial_id, Trial.pack_id == pack.id
    ended = moves.move_trials_where(session, pack.sweep_id, TrialState.RUNNING, state, *mine, **values)
    if not ended and session.scalars(select(Trial.state).where(Trial.id == trial_id)).one() != state:
        raise ServiceError(f"trial {trial_id} is not running in pack {held.pack_id}")


def close(session: Session, held: Lease, outcome: str) -> None:
    """End a pack of which no trial is running any more."""
    fence(session, held)
    left = session.execute(
        select(func.count()).where(Trial.pack_id == held.pack_id, Trial.state == TrialState.RUNNING)
    ).scalar_one()
    if left:
        raise ServiceError(f"pack {held.pack_id} cannot close: {left} of its trials are running")
    moves.move_packs_where(
        session, PackState.RUNNING, PackState.CLOSED, Pack.id == held.pack_id, outcome=outcome
    )


def give_up(session: Session, held: Lease, failure: Failure, error: Mapping[str, Any]) -> None:
    """End a pack that failed or was given back, and judge each of its trials."""
    pack = fence(session, held)
    _disband(session, pack, failure, error)


def expired(session: Session) -> Sequence[str]:
    """Running packs whose lease has run out."""
    return session.scalars(
        select(Pack.id).where(Pack.state == PackState.RUNNING, Pack.expires_at < db_now())
    ).all()


def reap(session: Session, pack_id: str) -> bool:
    """Take a pack from a worker whose lease has expired; returns whether it had."""
    taken = touched(
        session.execute(
            update(Pack)
            .where(Pack.id == pack_id, Pack.state == PackState.RUNNING, Pack.expires_at < db_now())
            .values(seen=db_now())
        )
    )
    if taken:
        pack = session.get_one(Pack, pack_id, populate_existing=True)
        error = {"kind": Failure.LOST, "message": f"worker {pack.worker} fell silent", "pack": pack.id}
        _disband(session, pack, Failure.LOST, error)
    return bool(taken)


def _disband(session: Session, pack: Pack, failure: Failure, error: Mapping[str, Any]) -> None:
    """Send each running trial of a pack back to pending or to its end, and close the pack or call it lost."""
    sweep_state = session.scalars(select(Sweep.state).where(Sweep.id == pack.sweep_id)).one()
    running = session.scalars(
        select(Trial)
        .where(Trial.pack_id == pack.id, Trial.state == TrialState.RUNNING)
        .order_by(Trial.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    now = session.execute(select(db_now())).scalar_one()
    moved = []
    for trial in running:
        verdict = judge(failure, Record(trial.crashes, trial.losses, trial.most_alive), len(running))
        trial.crashes, trial.losses = verdict.record.crashes, verdict.record.losses
        trial.most_alive = verdict.record.most_alive
        trial.failure = None if failure == Failure.PREEMPTED else dict(error)
        if trial.cancel or sweep_state == SweepState.CANCELLING:
            moved.append((trial, TrialState.CANCELLED))
        elif verdict.again:
            trial.not_before = now + verdict.delay * 1000
            moved.append((trial, TrialState.PENDING))
        else:
            moved.append((trial, TrialState.FAILED))
    end = PackState.CLOSED if failure in GIVEN_BACK else PackState.LOST
    moves.move_pack(session, pack, end, f"{failure}: {error.get('message', '')}")
    moves.move_trials(session, pack.sweep_id, moved)
