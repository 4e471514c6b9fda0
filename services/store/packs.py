"""Packs: formed by dispatch, announced, withdrawn; what a pack holds and which packs a trial was in."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, and_, bindparam, case, exists, func, insert, or_, select, update
from sqlalchemy.orm import Session

from services.domain.states import PACK_OUTSTANDING, PackState, TrialState
from services.store import clock, devices, moves
from services.store.clock import db_now
from services.store.models import Device, Pack, PackRow, Sweep, Trial

MAX_RESEND_PERIODS = 16  # between two messages about a pack that waits long

_PACK_ROWS = cast(Table, PackRow.__table__)
_COUNT_RUNNING = select(func.count()).select_from(Pack).where(Pack.state == PackState.RUNNING)
_OUTSTANDING = select(Pack.kind, func.count()).where(Pack.state.in_(PACK_OUTSTANDING)).group_by(Pack.kind)
_ROWS = (
    select(PackRow.row, Trial)
    .join(Trial, Trial.id == PackRow.trial_id)
    .where(PackRow.pack_id == bindparam("pack"), Trial.pack_id == bindparam("pack"))
)


@dataclass(frozen=True)
class PackDraft:
    """New trials that are to be a pack for a kind of device, as rows."""

    rows: Sequence[dict[str, Any]]
    width: int
    kind: str


def form(session: Session, sweep: Sweep, trials: Sequence[Trial], width: int, kind: str) -> Pack:
    """Queue trials of one epoch that wait as a pack; the caller holds the sweep's lock."""
    first, now = trials[0], clock.read(session)
    pack = _make(sweep, now, first.shape, width, kind, first.saved_epoch, first.target_epoch)
    moves.add_packs(session, [pack])
    _place(session, [(pack.id, trial.row, trial.id) for trial in trials])
    moves.move_trials(session, sweep.id, [(trial, TrialState.QUEUED) for trial in trials], pack)
    return pack


def form_new(session: Session, sweep: Sweep, drafts: Sequence[PackDraft], now: int) -> list[Pack]:
    """Write new trials of a sweep, queued as packs; the caller holds the sweep's lock."""
    formed = []
    for place, draft in enumerate(drafts):
        first, at = draft.rows[0], now + place  # they are taken in this order
        formed.append(_make(sweep, at, first["shape"], draft.width, draft.kind, 0, first["target_epoch"]))
    rows = [
        row | {"pack_id": pack.id} for draft, pack in zip(drafts, formed, strict=True) for row in draft.rows
    ]
    moves.add_packs(session, formed)
    moves.add_queued_trials(session, sweep.id, rows)
    _place(session, [(row["pack_id"], row["row"], row["id"]) for row in rows])
    return formed


def _make(sweep: Sweep, now: int, shape: int, width: int, kind: str, start: int, target: int) -> Pack:
    sweep.served_at = now
    return Pack(
        id=secrets.token_hex(8),
        sweep_id=sweep.id,
        shape=shape,
        kind=kind,
        width=width,
        start_epoch=start,
        target_epoch=target,
        created_at=now,
    )


def _place(session: Session, places: Sequence[tuple[str, int, str]]) -> None:
    """Write which trials packs have in which rows."""
    names = "pack_id", "row", "trial_id"
    session.execute(insert(_PACK_ROWS), [dict(zip(names, place, strict=True)) for place in places])


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
    held = (
        select(Pack.sweep_id, func.count().label("packs"))
        .where(Pack.state.in_(PACK_OUTSTANDING))
        .group_by(Pack.sweep_id)
        .subquery()
    )
    richer = and_(Sweep.priority == priority, held.c.packs >= packs + 2)
    able = exists().where(Device.kind == Pack.kind, *devices.is_live(plugins))
    return session.scalars(
        select(Pack)
        .join(Sweep, Sweep.id == Pack.sweep_id)
        .join(held, held.c.sweep_id == Pack.sweep_id)
        .where(Pack.state == PackState.QUEUED, or_(Sweep.priority < priority, richer), able)
        .order_by(Sweep.priority, held.c.packs.desc(), Pack.created_at.desc(), Pack.id)
        .limit(1)
    ).one_or_none()


def queued(session: Session) -> Sequence[Pack]:
    """Packs that wait for a worker."""
    return session.scalars(select(Pack).where(Pack.state == PackState.QUEUED)).all()


def plugins_of(session: Session, pack_id: str) -> str | None:
    """The digest of the plug-ins that a pack's sweep was planned with; None if it needs none."""
    wanted = select(Sweep.plugins).join(Pack, Pack.sweep_id == Sweep.id).where(Pack.id == pack_id)
    return session.scalars(wanted).one_or_none()


def unsent(session: Session, resend_after: float) -> Sequence[Pack]:
    """Queued packs that no message announces, or only one that is too old.

    A message is too old after `resend_after` seconds, the second one after twice as long, and so on.
    """
    periods = case((Pack.sends > MAX_RESEND_PERIODS, MAX_RESEND_PERIODS), else_=Pack.sends)
    return session.scalars(
        select(Pack)
        .where(Pack.state == PackState.QUEUED)
        .where(Pack.sent_at.is_(None) | (Pack.sent_at <= db_now() - int(resend_after * 1000) * periods))
        .order_by(Pack.created_at)
    ).all()


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


def count_running(session: Session) -> int:
    """How many packs train now."""
    return session.execute(_COUNT_RUNNING).scalar_one()


def outstanding(session: Session) -> dict[str, int]:
    """Queued and running packs per kind of device."""
    return dict(session.execute(_OUTSTANDING).all())


def rows_of(session: Session, pack_id: str) -> dict[int, Trial]:
    """The trials that are in the pack now, by row."""
    return dict(session.execute(_ROWS, {"pack": pack_id}).all())


def attempts(session: Session, trial_id: str) -> Sequence[tuple[int, Pack]]:
    """A trial's packs, oldest first, each with the trial's row in it."""
    pairs = session.execute(
        select(PackRow.row, Pack)
        .join(Pack, Pack.id == PackRow.pack_id)
        .where(PackRow.trial_id == trial_id)
        .order_by(Pack.created_at, Pack.id)
    )
    return [(row, pack) for row, pack in pairs]
