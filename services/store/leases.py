"""Leases: one worker's right to a pack, taken once, kept by heartbeats, and the fence before every write.

Lock order everywhere: the sweep, then the pack, then trials.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services.domain.errors import Fenced
from services.domain.states import PackState, SweepState, TrialState
from services.store import events
from services.store.clock import db_now
from services.store.models import Pack, Sweep, Trial
from services.store.session import touched


@dataclass(frozen=True)
class Lease:
    """A worker's right to run a pack."""

    pack_id: str
    token: str

    @classmethod
    def new(cls, pack_id: str) -> Lease:
        """A lease to ask for, with a token that nobody else has."""
        return cls(pack_id, secrets.token_hex(16))


@dataclass(frozen=True)
class Wish:
    """What the user wants of a running pack: nothing, its end for good or for now, or an end of some rows."""

    cancel: bool
    pause: bool
    cancel_trials: frozenset[str]


def take(session: Session, held: Lease, worker: str, device: str, ttl: float) -> bool:
    """Take a queued pack under a new token; False when it is not to be had: done, withdrawn, somebody else's.

    Asked again with the same token it says whether the first time went through, so a COMMIT whose answer
    was lost is simply repeated.
    """
    waits = Pack.state == PackState.QUEUED
    sweep_id = select(Pack.sweep_id).where(Pack.id == held.pack_id, waits).scalar_subquery()
    session.execute(
        update(Sweep).where(Sweep.id == sweep_id, Sweep.started_at.is_(None)).values(started_at=db_now())
    )
    taken = touched(
        session.execute(
            update(Pack)
            .where(Pack.id == held.pack_id, waits)
            .values(
                state=PackState.RUNNING,
                token=held.token,
                worker=worker,
                device=device,
                leased_at=db_now(),
                seen=db_now(),
                expires_at=db_now() + int(ttl * 1000),
            )
        )
    )
    if not taken:
        mine = select(Pack.id).where(
            Pack.id == held.pack_id, Pack.token == held.token, Pack.state == PackState.RUNNING
        )
        return session.scalars(mine).one_or_none() is not None
    begun = session.execute(
        update(Trial)
        .where(Trial.pack_id == held.pack_id, Trial.state == TrialState.QUEUED)
        .values(
            state=TrialState.RUNNING,
            attempts=Trial.attempts + 1,
            started_at=func.coalesce(Trial.started_at, db_now()),
        )
        .returning(Trial.id, Trial.number)
        .execution_options(synchronize_session=False)
    )
    events.trials_went(session, session.get_one(Pack, held.pack_id).sweep_id, begun, TrialState.RUNNING)
    return True


def fence(
    session: Session, held: Lease, ttl: float | None = None, machine: dict[str, Any] | None = None
) -> Pack:
    """First statement of every write under a lease: renew it and lock the pack, or raise `Fenced`."""
    values: dict[str, Any] = {"seen": db_now()}
    if ttl is not None:
        values["expires_at"] = db_now() + int(ttl * 1000)
    if machine is not None:
        values["machine"] = machine
    renewed = touched(
        session.execute(
            update(Pack)
            .where(Pack.id == held.pack_id, Pack.token == held.token, Pack.state == PackState.RUNNING)
            .values(values)
        )
    )
    if not renewed:
        raise Fenced(f"pack {held.pack_id} is no longer held under this token")
    return session.get_one(Pack, held.pack_id, populate_existing=True)


def renew(session: Session, held: Lease, ttl: float) -> Wish:
    """The heartbeat: keep the lease and hear what the user wants."""
    pack = fence(session, held, ttl)
    state = session.scalars(select(Sweep.state).where(Sweep.id == pack.sweep_id)).one()
    flagged = session.scalars(select(Trial.id).where(Trial.pack_id == pack.id, Trial.cancel.is_(True)))
    return Wish(state == SweepState.CANCELLING, state == SweepState.PAUSED, frozenset(flagged))
