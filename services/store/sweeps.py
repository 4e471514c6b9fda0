"""Sweeps: written by the API, locked by dispatch, ended by settle."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services.domain.errors import NotFound, StateForbids
from services.domain.plan import Plan
from services.domain.spec import Spec
from services.domain.states import SWEEP_FINAL, PackState, SweepState, TrialState, move
from services.store.clock import db_now
from services.store.models import Pack, Sweep, Trial


def insert(session: Session, spec: Spec, plan: Plan, plugins: str = "") -> str:
    """Write a new sweep; returns its id. `plugins` is the digest of the plug-ins it was planned with."""
    sweep_id = secrets.token_hex(5)
    session.add(
        Sweep(
            id=sweep_id,
            name=spec.name,
            project=spec.project,
            state=SweepState.ACTIVE,
            spec=spec.model_dump(mode="json"),
            plan=plan.model_dump(mode="json"),
            total=plan.trials,
            plugins=plugins or None,
            created_at=db_now(),
        )
    )
    return sweep_id


def get(session: Session, sweep_id: str) -> Sweep:
    """The sweep, or `NotFound`."""
    sweep = session.get(Sweep, sweep_id)
    if sweep is None:
        raise NotFound(f"no sweep {sweep_id!r}; `cnnlab ls` and GET /v1/sweeps list those that exist")
    return sweep


def lock(session: Session, sweep_id: str) -> Sweep:
    """The sweep, locked against every other writer until the transaction ends."""
    found = session.scalars(select(Sweep).where(Sweep.id == sweep_id).with_for_update()).one_or_none()
    return found or get(session, sweep_id)


def newest(session: Session, limit: int) -> Sequence[Sweep]:
    """The newest sweeps, newest first."""
    return session.scalars(select(Sweep).order_by(Sweep.created_at.desc(), Sweep.id).limit(limit)).all()


def active_ids(session: Session) -> Sequence[str]:
    """Sweeps that want to run, oldest first."""
    return session.scalars(
        select(Sweep.id).where(Sweep.state == SweepState.ACTIVE).order_by(Sweep.created_at)
    ).all()


def unsettled_ids(session: Session) -> Sequence[str]:
    """Sweeps that are not over."""
    return session.scalars(select(Sweep.id).where(Sweep.state.not_in(list(SWEEP_FINAL)))).all()


def counts(session: Session, sweep_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Trials per state of each sweep; points not yet drawn are not among them."""
    rows = session.execute(
        select(Trial.sweep_id, Trial.state, func.count())
        .where(Trial.sweep_id.in_(sweep_ids))
        .group_by(Trial.sweep_id, Trial.state)
    )
    result: dict[str, dict[str, int]] = {sweep_id: {} for sweep_id in sweep_ids}
    for sweep_id, state, count in rows:
        result[sweep_id][state] = count
    return result


def cancel(session: Session, sweep_id: str) -> Sweep:
    """Ask for the end: what waits is cancelled here, what runs at its worker's next heartbeat."""
    sweep = lock(session, sweep_id)
    if sweep.state == SweepState.CANCELLING:
        return sweep
    if sweep.state in SWEEP_FINAL:
        raise StateForbids(
            f"sweep {sweep_id} is {sweep.state}; only a sweep that is not over can be cancelled"
        )
    sweep.state = move(SweepState(sweep.state), SweepState.CANCELLING)
    session.execute(
        update(Pack)
        .where(Pack.sweep_id == sweep_id, Pack.state == PackState.QUEUED)
        .values(state=PackState.WITHDRAWN, closed_at=db_now(), outcome="the sweep was cancelled")
    )
    session.execute(
        update(Trial)
        .where(Trial.sweep_id == sweep_id, Trial.state.in_([TrialState.PENDING, TrialState.QUEUED]))
        .values(state=TrialState.CANCELLED, pack_id=None, finished_at=db_now())
    )
    return sweep


def settle(session: Session, sweep_id: str) -> bool:
    """End a sweep whose trials are all final; says whether it did."""
    sweep = lock(session, sweep_id)
    if sweep.state in SWEEP_FINAL:
        return False
    tally = counts(session, [sweep_id])[sweep_id]
    live = sum(tally.get(state, 0) for state in (TrialState.PENDING, TrialState.QUEUED, TrialState.RUNNING))
    if live or (sweep.state == SweepState.ACTIVE and sweep.next_number < sweep.total):
        return False
    if sweep.state == SweepState.PAUSED:
        return False
    good = tally.get(TrialState.SUCCEEDED, 0) + tally.get(TrialState.PRUNED, 0)
    drawn = sum(tally.values())
    if sweep.state == SweepState.CANCELLING:
        end = SweepState.CANCELLED
    elif good == drawn:
        end = SweepState.SUCCEEDED
    else:
        end = SweepState.PARTIAL if good else SweepState.FAILED
    sweep.state = move(SweepState(sweep.state), end)
    sweep.finished_at = session.execute(select(db_now())).scalar_one()
    return True
