"""Leases: one worker's right to a pack, taken once, kept by heartbeats, and the fence before every write.

Lock order everywhere: the sweep, then the pack, then trials.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services.domain.errors import Fenced
from services.domain.states import PackState, SweepState, TrialState
from services.store import moves
from services.store.clock import db_now, in_seconds
from services.store.models import Pack, Sweep, Trial


@dataclass(frozen=True)
class Lease:
    """A worker's right to run a pack."""

    pack_id: str
    token: str

    @classmethod
    def new(cls, pack_id: str) -> Lease:
        """Make a lease to ask for, with a token that nobody else has."""
        return cls(pack_id, new_token())


def new_token() -> str:
    """Make a token that nobody else has."""
    return secrets.token_hex(16)


class SweepRequest(StrEnum):
    """What the user has asked of the sweep of a running pack."""

    NONE = "none"
    PAUSE = "pause"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Request:
    """What the user has asked of a running pack: of its whole sweep, and of some of its trials."""

    sweep: SweepRequest = SweepRequest.NONE
    cancel_trials: frozenset[str] = frozenset()


REQUESTS = {SweepState.PAUSED: SweepRequest.PAUSE, SweepState.CANCELLING: SweepRequest.CANCEL}


def take(
    session: Session,
    held: Lease,
    worker: str,
    device: str,
    ttl: float,
    claim: str | None = None,
    machine: dict[str, Any] | None = None,
    begun: bool = False,
) -> bool:
    """Take a queued pack under a new token; False if it is over, withdrawn or leased to somebody else.

    Called again with the same token it returns whether the first call succeeded, so a COMMIT whose answer
    was lost is simply repeated. `claim` is the token under which the worker has claimed the device, `machine`
    what it trains on, where that is known. `begun`: packs of the sweep have been leased before.
    """
    if not begun:
        waits = Pack.state == PackState.QUEUED
        sweep_id = select(Pack.sweep_id).where(Pack.id == held.pack_id, waits).scalar_subquery()
        unbegun = Sweep.id == sweep_id, Sweep.started_at.is_(None)
        session.execute(update(Sweep).where(*unbegun).values(started_at=db_now()))
    pack = moves.take_pack(
        session,
        held.pack_id,
        token=held.token,
        claim=claim,
        machine=machine,
        worker=worker,
        device=device,
        leased_at=db_now(),
        seen=db_now(),
        expires_at=in_seconds(ttl),
    )
    if pack is None:
        return taken_under(session, held.token) == held.pack_id
    session.info[held] = session.get_transaction(), pack  # who has just taken it has passed the fence
    moves.move_trials_where(
        session,
        pack.sweep_id,
        TrialState.QUEUED,
        TrialState.RUNNING,
        Trial.pack_id == held.pack_id,
        attempts=Trial.attempts + 1,
        started_at=func.coalesce(Trial.started_at, db_now()),
    )
    return True


def taken_under(session: Session, token: str) -> str | None:
    """The running pack that was taken under a token, if a COMMIT whose answer was lost has succeeded."""
    mine = select(Pack.id).where(Pack.state == PackState.RUNNING, Pack.token == token)
    return session.scalars(mine).one_or_none()


def fence(session: Session, held: Lease, ttl: float | None = None, **values: Any) -> Pack:
    """Renew a lease and lock its pack, or raise `Fenced`: the first statement of every write under it.

    `values` are columns of the pack to write with it. The lock lasts as long as the transaction, so passing
    again in the same one costs nothing.
    """
    passed = session.info.get(held)
    if passed and passed[0] is session.get_transaction() and ttl is None and not values:
        return cast(Pack, passed[1])
    values["seen"] = db_now()
    if ttl is not None:
        values["expires_at"] = in_seconds(ttl)
    pack = session.scalars(
        update(Pack)
        .where(Pack.id == held.pack_id, Pack.token == held.token, Pack.state == PackState.RUNNING)
        .values(values)
        .returning(Pack)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).one_or_none()
    if pack is None:
        raise Fenced(f"pack {held.pack_id} is no longer held under this token")
    session.info[held] = session.get_transaction(), pack
    return pack


def renew(session: Session, held: Lease, ttl: float) -> Request:
    """Keep the lease, and return what the user has asked for; the heartbeat calls it."""
    pack = fence(session, held, ttl)
    state = session.scalars(select(Sweep.state).where(Sweep.id == pack.sweep_id)).one()
    flagged = session.scalars(select(Trial.id).where(Trial.pack_id == pack.id, Trial.cancel.is_(True)))
    return Request(REQUESTS.get(SweepState(state), SweepRequest.NONE), frozenset(flagged))
