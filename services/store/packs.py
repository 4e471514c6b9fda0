"""Packs: formed by dispatch, announced, withdrawn; what a pack holds and which packs a trial was in."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Integer,
    Table,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from services.domain.plan.plan import Segment
from services.domain.states import PACK_OUTSTANDING, PackState, TrialState
from services.store import clock, devices, moves
from services.store.clock import db_now
from services.store.json_rows import insert_each
from services.store.models import Device, Pack, PackRow, Sweep, Trial

MAX_RESEND_PERIODS = 16  # between two messages about a pack that waits long

_PACKS = cast(Table, Pack.__table__)
_PACK_ROWS = cast(Table, PackRow.__table__)
_INSERT_ROWS = insert_each(_PACK_ROWS, "pack_id", "row", "trial_id")
# What is asked for every pack is made once: to make a statement takes as long as to execute it.
_PERIOD = bindparam("period", type_=BigInteger)  # in ms, after the first message
_PERIODS = case((_PACKS.c.sends > MAX_RESEND_PERIODS, MAX_RESEND_PERIODS), else_=_PACKS.c.sends)
_WAITING = (
    select(
        _PACKS.c.id,
        _PACKS.c.kind,
        _PACKS.c.sent_at.is_(None),
        or_(_PACKS.c.sent_at.is_(None), _PACKS.c.sent_at <= db_now() - _PERIOD * _PERIODS),
    )
    .where(_PACKS.c.state == PackState.QUEUED)
    .order_by(_PACKS.c.created_at)
)
_HELD = (
    select(Pack.sweep_id, func.count().label("packs"))
    .where(Pack.state.in_(PACK_OUTSTANDING))
    .group_by(Pack.sweep_id)
    .subquery()
)
_POORER = Sweep.priority < bindparam("priority_in_need", type_=Integer)
_RICHER = and_(
    Sweep.priority == bindparam("priority_in_need", type_=Integer),
    _HELD.c.packs >= bindparam("enough", type_=Integer),
)
_OF_KIND = Device.kind == Pack.kind
_WITHDRAWABLE_ANYWHERE = (
    select(Pack)
    .join(Sweep, Sweep.id == Pack.sweep_id)
    .join(_HELD, _HELD.c.sweep_id == Pack.sweep_id)
    .where(Pack.state == PackState.QUEUED, or_(_POORER, _RICHER))
    .order_by(Sweep.priority, _HELD.c.packs.desc(), Pack.created_at.desc(), Pack.id)
    .limit(1)
)
_WITHDRAWABLE = _WITHDRAWABLE_ANYWHERE.where(exists().where(_OF_KIND, *devices.is_live()))
_WITHDRAWABLE_FOR = _WITHDRAWABLE_ANYWHERE.where(
    exists().where(_OF_KIND, *devices.is_live(), Device.plugins == bindparam("device_plugins"))
)
_ROWS = (
    select(PackRow.row, Trial)
    .join(Trial, Trial.id == PackRow.trial_id)
    .where(PackRow.pack_id == bindparam("pack"), Trial.pack_id == bindparam("pack"))
)
_LAST_KIND = (
    select(Pack.kind)
    .join(PackRow, PackRow.pack_id == Pack.id)
    .where(PackRow.trial_id == bindparam("trial"))
    .order_by(Pack.created_at.desc(), Pack.id.desc())
    .limit(1)
)
_IN_PRECISIONS = (
    select(_PACKS.c.kind, _PACKS.c.precision, func.count())
    .where(_PACKS.c.state.in_(sorted(PACK_OUTSTANDING)))
    .group_by(_PACKS.c.kind, _PACKS.c.precision)
)


@dataclass(frozen=True)
class PackDraft:
    """New trials that are to be a pack for a kind of device, as rows."""

    rows: Sequence[dict[str, Any]]
    width: int
    kind: str


def form(session: Session, sweep: Sweep, trials: Sequence[Trial], width: int, kind: str) -> str:
    """Queue trials of one epoch that wait as a pack, and return its id; the caller holds the sweep's lock."""
    first, now = trials[0], clock.read(session)
    pack = _make(sweep, now, first.shape, width, kind, first.saved_epoch, first.until_epoch)
    moves.add_packs(session, [pack])
    _place(session, [(pack["id"], trial.row, trial.id) for trial in trials])
    moves.move_trials(session, sweep.id, [(trial, TrialState.QUEUED) for trial in trials], pack["id"])
    return str(pack["id"])


def form_new(session: Session, sweep: Sweep, drafts: Sequence[PackDraft], now: int) -> list[str]:
    """Write new trials of a sweep, queued as packs, and return these; the caller holds the sweep's lock."""
    formed = []
    for place, draft in enumerate(drafts):
        first, at = draft.rows[0], now + place  # they are taken in this order
        formed.append(_make(sweep, at, first["shape"], draft.width, draft.kind, 0, first["until_epoch"]))
    rows = [
        row | {"pack_id": pack["id"]}
        for draft, pack in zip(drafts, formed, strict=True)
        for row in draft.rows
    ]
    moves.add_packs(session, formed)
    moves.add_queued_trials(session, sweep.id, rows)
    _place(session, [(row["pack_id"], row["row"], row["id"]) for row in rows])
    return [pack["id"] for pack in formed]


def _make(
    sweep: Sweep, now: int, shape: int, width: int, kind: str, start: int, target: int
) -> dict[str, Any]:
    sweep.served_at, own = now, sweep.plan.shapes[shape]
    return {
        "id": secrets.token_hex(8),
        "sweep_id": sweep.id,
        "shape": shape,
        "kind": kind,
        "width": width,
        "start_epoch": start,
        "target_epoch": target,
        "precision": own.precision,
        "memory": 0 if kind == "cpu" or sweep.plan.pin else own.gpu_memory(width),
        "created_at": now,
    }


def _place(session: Session, places: Sequence[tuple[str, int | None, str]]) -> None:
    """Write which trials packs have in which rows."""
    names = "pack_id", "row", "trial_id"
    rows = [dict(zip(names, place, strict=True)) for place in places]
    session.execute(_INSERT_ROWS, {"each": json.dumps(rows)})


def withdraw(session: Session, pack: Pack, why: str) -> None:
    """Take a queued pack back; its trials wait for another."""
    withdrawn = moves.move_packs_where(
        session, PackState.QUEUED, PackState.WITHDRAWN, Pack.id == pack.id, outcome=why
    )
    if withdrawn:
        in_pack = Trial.pack_id == pack.id
        moves.move_trials_where(session, pack.sweep_id, TrialState.QUEUED, TrialState.PENDING, in_pack)


def withdrawable(session: Session, plugins: str | None, packs: int, priority: int) -> Pack | None:
    """A queued pack that should make room for a sweep with so many packs in the window, of this priority.

    It is the latest one of a sweep of lower priority, or of one of the same priority that has at least two
    packs more: then both have their share afterwards. It must be for a kind of device that can serve the
    sweep in need.
    """
    given = {"priority_in_need": priority, "enough": packs + 2, "device_plugins": plugins}
    return session.scalars(_WITHDRAWABLE_FOR if plugins else _WITHDRAWABLE, given).one_or_none()


def queued(session: Session) -> Sequence[Pack]:
    """Packs that wait for a worker."""
    return session.scalars(select(Pack).where(Pack.state == PackState.QUEUED)).all()


def plugins_of(session: Session, pack_id: str) -> str | None:
    """The digest of the plug-ins that a pack's sweep was planned with; None if it needs none."""
    wanted = select(Sweep.plugins).join(Pack, Pack.sweep_id == Sweep.id).where(Pack.id == pack_id)
    return session.scalars(wanted).one_or_none()


@dataclass(frozen=True)
class WaitingPack:
    """A queued pack: whether a message about it is due, and whether it would be the first."""

    id: str
    kind: str
    is_new: bool
    is_due: bool


def waiting(session: Session, resend_after: float) -> list[WaitingPack]:
    """Queued packs, oldest first; those are due that no message announces, or only one that is too old.

    A message is too old after `resend_after` seconds, the second one after twice as long, and so on.
    """
    found = session.execute(_WAITING, {"period": int(resend_after * 1000)})
    return [WaitingPack(pack_id, kind, new, due) for pack_id, kind, new, due in found]


def mark_sent(session: Session, pack_ids: Collection[str]) -> None:
    """Record that messages about packs were sent.

    One that somebody takes or withdraws just now is passed over: to wait for it, while a worker that ends
    one of these packs waits to take another of them, would be a deadlock.
    """
    free = select(Pack.id).where(Pack.id.in_(pack_ids), Pack.state == PackState.QUEUED)
    session.execute(
        update(Pack)
        .where(Pack.id.in_(free.with_for_update(skip_locked=True)))
        .values(sent_at=db_now(), sends=Pack.sends + 1)
        .execution_options(synchronize_session=False)
    )


def rows_of(session: Session, pack_id: str) -> dict[int, Trial]:
    """The trials that are in the pack now, by row."""
    return dict(session.execute(_ROWS, {"pack": pack_id}).all())


def segments(session: Session, trial_id: str, until: int) -> list[Segment]:
    """The places in which a trial has trained up to an epoch, one after the other.

    What was trained again after a failed attempt counts as it was trained last. Where another trial has
    trained the first epochs, the first places are that one's.
    """
    begun: list[tuple[int, tuple[int, int]]] = []  # at which epoch, and the width and the row
    trial = session.get_one(Trial, trial_id)
    if trial.reused_from is not None:
        earlier = segments(session, trial.reused_from, min(until, trial.reused_epochs))
        starts = [0, *(segment.until for segment in earlier[:-1])]
        places = [(segment.width, segment.row) for segment in earlier]
        begun = list(zip(starts, places, strict=True))
    for row, pack in attempts(session, trial_id):
        if pack.leased_at is None or pack.start_epoch >= until:
            continue
        while begun and begun[-1][0] >= pack.start_epoch:
            begun.pop()
        if not begun or begun[-1][1] != (pack.width, row):
            begun.append((pack.start_epoch, (pack.width, row)))
    ends = [start for start, _ in begun[1:]] + [until]
    return [
        Segment(until=end, width=width, row=row) for end, (_, (width, row)) in zip(ends, begun, strict=True)
    ]


def last_kind(session: Session, trial_id: str) -> str | None:
    """The kind of device that a trial's latest pack was formed for; None if it was in none."""
    return session.scalars(_LAST_KIND, {"trial": trial_id}).one_or_none()


def in_precisions(session: Session) -> Counter[tuple[str, str]]:
    """How many packs are queued or train, by the kind of device and the precision that they need."""
    return Counter({(kind, precision): count for kind, precision, count in session.execute(_IN_PRECISIONS)})


def attempts(session: Session, trial_id: str) -> Sequence[tuple[int, Pack]]:
    """A trial's packs, oldest first, each with the trial's row in it."""
    pairs = session.execute(
        select(PackRow.row, Pack)
        .join(Pack, Pack.id == PackRow.pack_id)
        .where(PackRow.trial_id == trial_id)
        .order_by(Pack.created_at, Pack.id)
    )
    return [(row, pack) for row, pack in pairs]
