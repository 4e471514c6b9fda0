"""Leases: one worker's right to a pack, taken once, kept by heartbeats, and the fence before every write.

Lock order everywhere: the sweep, then the pack, then trials.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import ColumnElement, Integer, Row, Table, Update, bindparam, select, update
from sqlalchemy.orm import Session

from services.domain.errors import Fenced
from services.domain.states import PackState, SweepState
from services.host import HostDevice
from services.store import moves
from services.store.clock import db_now
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


@dataclass(frozen=True)
class HeldPack:
    """A pack whose fence has been passed in this transaction."""

    id: str
    sweep_id: str
    save_asked: bool = False  # a fork waits for a checkpoint of it
    running: int | None = None  # of its trials, where the statement has counted them


@dataclass(frozen=True)
class TrialToTrain:
    """A trial of a pack that has been taken."""

    id: str
    row: int
    values: dict[str, Any]
    seed: int
    replicate: int
    target_epoch: int
    saved_epoch: int
    saved_row: int | None
    checkpoint_id: int | None
    start_checkpoint_id: int | None


@dataclass(frozen=True)
class PackToTrain:
    """A pack that has been taken, its trials by row; `plugins` are those of its sweep."""

    id: str
    sweep_id: str
    shape: int
    width: int
    start_epoch: int
    target_epoch: int
    plugins: str | None
    trials: tuple[TrialToTrain, ...]


class SweepRequest(StrEnum):
    """What the user has asked of the sweep of a running pack."""

    NONE = "none"
    PAUSE = "pause"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Request:
    """What is asked of a running pack: of its whole sweep, and of some of its trials.

    `ended_by` is the rule that has ended the sweep early: all its trials are pruned after their epoch.
    """

    sweep: SweepRequest = SweepRequest.NONE
    cancel_trials: frozenset[str] = frozenset()
    ended_by: dict[str, Any] | None = None


_PACKS = cast(Table, Pack.__table__)
_PACK_TO_TRAIN = select(*moves.PACK_TO_TRAIN).where(Pack.id == bindparam("pack"))
_TRIALS_TO_TRAIN = select(*moves.TRIAL_TO_TRAIN).where(Trial.pack_id == bindparam("pack"))

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
) -> PackToTrain | None:
    """Take a queued pack under a new token; None if it is over, withdrawn or leased to somebody else.

    Called again with the same token it returns what the first call did, so a COMMIT whose answer was lost is
    simply repeated. `claim` is the token under which the worker has claimed the device, `machine` what it
    trains on, where that is known. `begun`: packs of the sweep have been leased before.
    """
    if not begun:
        waits = Pack.state == PackState.QUEUED
        sweep_id = select(Pack.sweep_id).where(Pack.id == held.pack_id, waits).scalar_subquery()
        unbegun = Sweep.id == sweep_id, Sweep.started_at.is_(None)
        session.execute(update(Sweep).where(*unbegun).values(started_at=db_now()))
    lease = {"holder": held.token, "on": machine, "claim_token": claim, "by": worker, "where": device}
    pack = moves.take_pack(session, held.pack_id, ttl=int(ttl * 1000), **lease)
    if pack is None:
        return to_train(session, held.pack_id) if taken_under(session, held.token) == held.pack_id else None
    return _start(session, held, pack)


def take_next(
    session: Session,
    token: str,
    worker: str,
    device: HostDevice,
    ttl: float,
    claim: str,
    plugins: str,
    machine: dict[str, Any] | None,
) -> PackToTrain | None:
    """Take the pack that comes next for a device, in one statement; None if none waits.

    The first pack of a sweep is left, because its lease begins with the sweep, and so is one that somebody
    else takes or withdraws just now.
    """
    lease = {"holder": token, "on": machine, "claim_token": claim, "by": worker, "where": device.id}
    given: dict[str, Any] = lease | {"ttl": int(ttl * 1000)}
    pack = moves.take_next_pack(session, device, plugins, **given)
    return None if pack is None else _start(session, Lease(pack.id, token), pack)


def _start(session: Session, held: Lease, pack: Row[Any]) -> PackToTrain:
    """Begin the trials of a pack that this transaction has taken."""
    _pass(session, held, HeldPack(pack.id, pack.sweep_id))  # who has just taken it has passed the fence
    return _to_train(pack, moves.start_trials(session, pack.sweep_id, pack.id))


def to_train(session: Session, pack_id: str) -> PackToTrain:
    """Read what training needs of a pack; `take` returns the same."""
    return _to_train(
        session.execute(_PACK_TO_TRAIN, {"pack": pack_id}).one(),
        session.execute(_TRIALS_TO_TRAIN, {"pack": pack_id}).all(),
    )


def _to_train(pack: Row[Any], trials: Sequence[Row[Any]]) -> PackToTrain:
    mine = sorted((TrialToTrain(*row[: len(moves.TRIAL_TO_TRAIN)]) for row in trials), key=lambda t: t.row)
    return PackToTrain(**pack._asdict(), trials=tuple(mine))


def taken_under(session: Session, token: str) -> str | None:
    """The running pack that was taken under a token, if a COMMIT whose answer was lost has succeeded."""
    mine = select(Pack.id).where(Pack.state == PackState.RUNNING, Pack.token == token)
    return session.scalars(mine).one_or_none()


def fenced(*running: ColumnElement[int], **values: Any) -> Update:
    """Make the UPDATE of a pack that passes the fence, and writes these columns with it.

    `running`, if given, counts the trials of the pack that run.
    """
    mine = _PACKS.c.id == bindparam("pack"), _PACKS.c.token == bindparam("holder")
    return (
        update(_PACKS)
        .where(*mine, _PACKS.c.state == PackState.RUNNING)
        .values(seen=db_now(), **values)
        .returning(_PACKS.c.sweep_id, _PACKS.c.save_asked, *running)
    )


_FENCE = fenced()
_RENEW = fenced(expires_at=db_now() + bindparam("ttl", type_=Integer))
_SET_MACHINE = fenced(machine=bindparam("on"))


def fence(session: Session, held: Lease, writing: Update = _FENCE, **parameters: Any) -> HeldPack:
    """Lock the pack of a lease, or raise `Fenced`: the first statement of every write under it.

    `writing` is made by `fenced` and may write columns of the pack, from `parameters`. The lock lasts as long
    as the transaction, so passing again in the same one, without anything to write, costs nothing.
    """
    passed = session.info.get(held)
    if passed and passed[0] is session.get_transaction() and writing is _FENCE:
        return cast(HeldPack, passed[1])
    given = {"pack": held.pack_id, "holder": held.token, **parameters}
    mine = session.execute(writing, given).one_or_none()
    if mine is None:
        raise Fenced(f"pack {held.pack_id} is no longer held under this token")
    return _pass(session, held, HeldPack(held.pack_id, *mine))


def _pass(session: Session, held: Lease, pack: HeldPack) -> HeldPack:
    session.info[held] = session.get_transaction(), pack
    return pack


def set_machine(session: Session, held: Lease, machine: dict[str, Any]) -> None:
    """Record on what the pack trains."""
    fence(session, held, _SET_MACHINE, on=machine)


def renew(session: Session, held: Lease, ttl: float) -> Request:
    """Keep the lease, and return what is asked of the pack; the heartbeat calls it."""
    pack = fence(session, held, _RENEW, ttl=int(ttl * 1000))
    state, ended_by = session.execute(
        select(Sweep.state, Sweep.ended_by).where(Sweep.id == pack.sweep_id)
    ).one()
    flagged = session.scalars(select(Trial.id).where(Trial.pack_id == pack.id, Trial.cancel.is_(True)))
    asked = REQUESTS.get(SweepState(state), SweepRequest.NONE)
    return Request(asked, frozenset(flagged), ended_by if ended_by and ended_by["now"] else None)
