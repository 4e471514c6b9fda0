"""In which order queued packs are taken, and which one a device should train next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from sqlalchemy import ScalarSelect, bindparam, func, or_, select
from sqlalchemy.orm import Session

from services.domain.states import PackState
from services.store.models import Pack, Sweep

# What is asked for every pack is made once: to make a statement takes as long as to execute it.
_RUNNING = (
    select(Pack.sweep_id, func.count().label("packs"))
    .where(Pack.state == PackState.RUNNING)
    .group_by(Pack.sweep_id)
    .subquery()
)
_FIRST = (
    select(Pack.id)
    .join(Sweep, Sweep.id == Pack.sweep_id)
    .outerjoin(_RUNNING, _RUNNING.c.sweep_id == Pack.sweep_id)
    .where(Pack.state == PackState.QUEUED, Pack.kind == bindparam("device_kind"))
    .where(or_(Sweep.plugins.is_(None), Sweep.plugins == bindparam("device_plugins")))
    .order_by(Sweep.priority.desc(), func.coalesce(_RUNNING.c.packs, 0), Pack.created_at, Pack.id)
    .limit(1)
)
_NEXT = _FIRST.add_columns(Sweep.started_at.is_not(None))
# Of those that nobody else takes or withdraws just now; to be compared with the id of a pack in an UPDATE.
FIRST_FREE = cast(
    "ScalarSelect[str]",
    _FIRST.with_for_update(of=Pack, skip_locked=True).correlate(None).scalar_subquery(),
)


@dataclass(frozen=True)
class NextPack:
    """The pack that a worker should train next; `begun`: packs of its sweep have been leased before."""

    id: str
    begun: bool


def next_for(session: Session, kind: str, plugins: str) -> NextPack | None:
    """The queued pack that a device of this kind, whose worker has these plug-ins, should train next.

    The highest priority comes first, then the sweep of which the fewest packs train, then the oldest pack.
    """
    found = session.execute(_NEXT, {"device_kind": kind, "device_plugins": plugins}).one_or_none()
    return NextPack(*found) if found else None
