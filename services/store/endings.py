"""Endings: how trials leave a pack and how packs end, whether their worker or rescue ends them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
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
    end_trials(session, held, [trial_id], state, **values)


def end_trials(
    session: Session, held: Lease, trial_ids: Collection[str], state: TrialState, **values: Any
) -> None:
    """Move running trials of the pack to one state in which they have left it.

    Called again, after a lost COMMIT, it does nothing.
    """
    if not trial_ids:
        return
    pack = fence(session, held)
    if moves.end_trials(session, pack.sweep_id, pack.id, trial_ids, state, **values) == len(trial_ids):
        return
    others = select(Trial.id).where(Trial.id.in_(list(trial_ids)), Trial.state != state).order_by(Trial.id)
    for trial_id in session.scalars(others):
        raise ServiceError(f"trial {trial_id} is not running in pack {held.pack_id}")


def hold_trials(session: Session, held: Lease, trial_ids: Collection[str]) -> None:
    """Have running trials of the pack wait at a rung; those that a user has just cancelled end there."""
    fence(session, held)
    flagged = select(Trial.id).where(Trial.id.in_(list(trial_ids)), Trial.cancel.is_(True))
    cancelled = set(session.scalars(flagged))
    end_trials(session, held, cancelled, TrialState.CANCELLED)
    end_trials(session, held, set(trial_ids) - cancelled, TrialState.HELD, failure=None)


def close(session: Session, held: Lease, outcome: str) -> None:
    """End a pack of which no trial is running any more."""
    fence(session, held)
    if not moves.close_pack(session, held.pack_id, outcome):
        running = Trial.pack_id == held.pack_id, Trial.state == TrialState.RUNNING
        left = session.execute(select(func.count()).where(*running)).scalar_one()
        raise ServiceError(f"pack {held.pack_id} cannot close: {left} of its trials are running")


def give_up(
    session: Session, held: Lease, failure: Failure, error: Mapping[str, Any], regather: bool = False
) -> None:
    """End a pack that failed or was given back, and judge each of its trials.

    `regather`: those that go on lose their places, and get new ones together with others. So do those for
    which the memory was not enough, as half of the rows of an array take as much while the others are dead;
    but on a CPU what has trained keeps its place, because its last bits depend on that.
    """
    fence(session, held)
    pack = session.get_one(Pack, held.pack_id, populate_existing=True)
    for trial in _disband(session, pack, failure, error):
        begun = trial.saved_epoch != trial.start_epoch
        if regather or (failure == Failure.MEMORY and (pack.kind != "cpu" or not begun)):
            trial.width = trial.row = None
    session.flush()


def give_up_claimed(session: Session, claim: str, message: str) -> list[str]:
    """End every running pack that was leased under a device's claim whose worker is dead; returns their ids.

    Only the worker that holds a claim leases packs under it, so a worker that finds its own claim in use by
    a predecessor, or that has seen the claim's process end, need not wait for a lease to expire.
    """
    held = select(Pack.id).where(Pack.state == PackState.RUNNING, Pack.claim == claim).order_by(Pack.id)
    ended = []
    for pack_id in session.scalars(held).all():
        if _lock_running(session, pack_id, Pack.claim == claim):
            _lose(session, pack_id, message)
            ended.append(pack_id)
    return ended


def expired(session: Session) -> Sequence[str]:
    """Running packs whose lease has run out."""
    return session.scalars(
        select(Pack.id).where(Pack.state == PackState.RUNNING, Pack.expires_at < db_now())
    ).all()


def next_expiry(session: Session) -> float | None:
    """Seconds until the first of the leases that are held runs out; None if none is held."""
    left = func.min(Pack.expires_at) - db_now()
    held = Pack.state == PackState.RUNNING, Pack.expires_at >= db_now()
    ms = session.execute(select(left).where(*held)).scalar_one()
    return None if ms is None else float(ms) / 1000


def reap(session: Session, pack_id: str) -> bool:
    """Take a pack from a worker whose lease has expired; returns whether it had."""
    taken = _lock_running(session, pack_id, Pack.expires_at < db_now())
    if taken:
        _lose(session, pack_id, "fell silent")
    return taken


def _lock_running(session: Session, pack_id: str, *where: ColumnElement[bool]) -> bool:
    """Lock a pack that is running and meets the conditions; returns whether it is and does."""
    locked = session.execute(
        update(Pack)
        .where(Pack.id == pack_id, Pack.state == PackState.RUNNING, *where)
        .values(seen=db_now())
        .execution_options(synchronize_session=False)
    )
    return bool(touched(locked))


def _lose(session: Session, pack_id: str, what: str) -> None:
    """End a locked pack whose worker is gone; `what` says what happened to it."""
    pack = session.get_one(Pack, pack_id, populate_existing=True)
    error = {"kind": Failure.LOST, "message": f"worker {pack.worker} {what}", "pack": pack.id}
    _disband(session, pack, Failure.LOST, error)


def _disband(session: Session, pack: Pack, failure: Failure, error: Mapping[str, Any]) -> list[Trial]:
    """Send each running trial of a pack back to pending or to its end, and close the pack or call it lost.

    Returns those that are pending.
    """
    sweep_state, ended_by = session.execute(
        select(Sweep.state, Sweep.ended_by).where(Sweep.id == pack.sweep_id)
    ).one()
    running = session.scalars(
        select(Trial)
        .where(Trial.pack_id == pack.id, Trial.state == TrialState.RUNNING)
        .order_by(Trial.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    now = session.execute(select(db_now())).scalar_one()
    # What a user has paused was not in vain.
    progressed = pack.progress_at is not None or sweep_state == SweepState.PAUSED
    moved = []
    for trial in running:
        record = Record(trial.crashes, trial.losses, trial.most_alive, trial.fruitless)
        rows = min(pack.width, trial.most_alive or pack.width)
        alive = rows if failure == Failure.MEMORY else len(running)
        verdict = judge(failure, record, alive, progressed)
        trial.crashes, trial.losses = verdict.record.crashes, verdict.record.losses
        trial.most_alive, trial.fruitless = verdict.record.most_alive, verdict.record.fruitless
        trial.failure = _failure(failure, error, trial.fruitless)
        if trial.cancel or sweep_state == SweepState.CANCELLING:
            moved.append((trial, TrialState.CANCELLED))
        elif verdict.again and ended_by and ended_by["now"]:
            trial.stopped = {"rule": ended_by["rule"], "reason": ended_by["reason"]} if trial.epoch else None
            moved.append((trial, TrialState.PRUNED if trial.epoch else TrialState.CANCELLED))
        elif verdict.again:
            trial.not_before = now + verdict.delay * 1000
            moved.append((trial, TrialState.PENDING))
        else:
            moved.append((trial, TrialState.FAILED))
    end = PackState.CLOSED if failure in GIVEN_BACK else PackState.LOST
    moves.move_pack(session, pack, end, f"{failure}: {error.get('message', '')}")
    moves.move_trials(session, pack.sweep_id, moved)
    return [trial for trial, state in moved if state == TrialState.PENDING]


def _failure(failure: Failure, error: Mapping[str, Any], fruitless: int) -> dict[str, Any] | None:
    """What a trial shows of its latest attempt: nothing after one given back, unless in vain again."""
    if failure != Failure.PREEMPTED:
        return dict(error)
    if fruitless < 2:
        return None
    message = f"given back {fruitless} times in a row without a new epoch: {error.get('message', '')}"
    return {**error, "message": message}
