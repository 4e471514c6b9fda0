"""In which order queued packs are taken, and which one a device should train next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import BigInteger, String, Table, bindparam, func, or_, select
from sqlalchemy.orm import Session

from services.domain.plan import packing
from services.domain.states import PackState
from services.host import HostDevice
from services.store.models import Pack, Sweep

# Made once, and of the tables: an ORM's part in a statement of every pack takes longer than its execution.
_PACKS, _SWEEPS = cast(Table, Pack.__table__), cast(Table, Sweep.__table__)
_RUNNING = (
    select(_PACKS.c.sweep_id, func.count().label("packs"))
    .where(_PACKS.c.state == PackState.RUNNING)
    .group_by(_PACKS.c.sweep_id)
    .subquery()
)
_FIRST = (
    select(_PACKS.c.id)
    .join(_SWEEPS, _SWEEPS.c.id == _PACKS.c.sweep_id)
    .outerjoin(_RUNNING, _RUNNING.c.sweep_id == _PACKS.c.sweep_id)
    .where(_PACKS.c.state == PackState.QUEUED, _PACKS.c.kind == bindparam("device_kind"))
    .where(or_(_SWEEPS.c.plugins.is_(None), _SWEEPS.c.plugins == bindparam("device_plugins")))
    .where(bindparam("device_precisions", type_=String).contains("," + _PACKS.c.precision + ","))
    .where(_PACKS.c.memory <= bindparam("device_memory", type_=BigInteger))
    .order_by(_SWEEPS.c.priority.desc(), func.coalesce(_RUNNING.c.packs, 0), _PACKS.c.created_at, _PACKS.c.id)
    .limit(1)
)
_NEXT = _FIRST.add_columns(_SWEEPS.c.started_at.is_not(None))
# Of those that nobody else takes or withdraws just now; to be compared with the id of a pack in an UPDATE.
FIRST_FREE = _FIRST.with_for_update(of=_PACKS, skip_locked=True).correlate(None).scalar_subquery()


@dataclass(frozen=True)
class NextPack:
    """The pack that a worker should train next; `begun`: packs of its sweep have been leased before."""

    id: str
    begun: bool


def able(device: HostDevice, plugins: str) -> dict[str, Any]:
    """The parameters of these statements: what a device, whose worker has these plug-ins, can train."""
    return {
        "device_kind": device.kind,
        "device_plugins": plugins,
        "device_precisions": f",{','.join(device.precisions)},",
        "device_memory": packing.usable_memory(device.memory),
    }


def next_for(session: Session, device: HostDevice, plugins: str) -> NextPack | None:
    """The queued pack that a device, whose worker has these plug-ins, should train next.

    The highest priority comes first, then the sweep of which the fewest packs train, then the oldest pack.
    One whose precision the device does not have, or that needs more memory, is left to others.
    """
    found = session.execute(_NEXT, able(device, plugins)).one_or_none()
    return NextPack(*found) if found else None
