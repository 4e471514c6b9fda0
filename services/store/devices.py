"""Devices: claimed by one worker at a time, under a lease of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import ColumnElement, Table, and_, exists, func, or_, select, true, update
from sqlalchemy.orm import Session

from services.domain.plan import packing
from services.domain.states import PackState
from services.host import HostDevice
from services.store import endings, workers
from services.store.clock import db_now, in_seconds
from services.store.models import Device, Pack
from services.store.session import touched

_DEVICES = cast(Table, Device.__table__)  # what is asked for every pack costs least of the table


@dataclass(frozen=True)
class ClaimedDevice:
    """Who holds a device, and until when."""

    device_id: str
    worker: str
    token: str
    expires_at: int


def claims(session: Session) -> list[ClaimedDevice]:
    """Every claim on a device, those that have run out included."""
    rows = session.execute(
        select(Device.id, Device.worker, Device.token, Device.expires_at)
        .where(Device.token.is_not(None))
        .order_by(Device.id)
    )
    return [ClaimedDevice(id, str(worker), str(token), end) for id, worker, token, end in rows]


def claim(
    session: Session,
    found: Sequence[HostDevice],
    worker: str,
    token: str,
    ttl: float,
    plugins: str = "",
    forfeited: Collection[str] = (),
) -> HostDevice | None:
    """Claim the first free one of a host's devices; None when every one is taken.

    `plugins` is the digest of the entry files that the worker has. A claim that has run out is free only if
    its token is `forfeited`, because the claimant has seen for long enough that it is not renewed, and if no
    pack runs under it: rescue takes that first.
    """
    unused = ~exists().where(Pack.state == PackState.RUNNING, Pack.claim == Device.token)
    run_out = and_(Device.token.in_(list(forfeited)), Device.expires_at < db_now(), unused)
    for device in found:
        if session.get(Device, device.id) is None:
            session.add(
                Device(
                    id=device.id,
                    host=device.host,
                    name=device.name,
                    kind=device.kind,
                )
            )
            session.flush()
        claimed = session.execute(
            update(Device)
            .where(Device.id == device.id, or_(Device.token.is_(None), run_out))
            .values(
                token=token,
                worker=worker,
                expires_at=in_seconds(ttl),
                pack_id=None,
                memory=device.memory,
                precisions=",".join(device.precisions),
                plugins=plugins,
                accepting=True,
            )
            .execution_options(synchronize_session=False)
        )
        if touched(claimed):
            return device
    return None


def renew(
    session: Session, device_id: str, token: str, ttl: float, pack_id: str | None, accepting: bool = True
) -> bool:
    """Keep a claim; False if another worker has the device by now.

    `accepting` is whether the worker takes messages, without which nothing more will train on the device.
    """
    kept = session.execute(
        update(Device)
        .where(Device.id == device_id, Device.token == token)
        .values(expires_at=in_seconds(ttl), pack_id=pack_id, accepting=accepting)
    )
    return bool(touched(kept))


def release(session: Session, device_id: str, token: str) -> None:
    """Give a device back."""
    session.execute(
        update(Device)
        .where(Device.id == device_id, Device.token == token)
        .values(token=None, expires_at=0, pack_id=None)
    )


def vacate(session: Session, claimed: ClaimedDevice) -> list[str]:
    """Free a device whose worker is dead, and give up the packs that it ran; returns their ids."""
    packs = endings.give_up_claimed(session, claimed.token, "died")
    release(session, claimed.device_id, claimed.token)
    workers.stop(session, claimed.worker)
    return packs


def _usable() -> ColumnElement[bool]:
    """Whether a device can be given a pack now: it is claimed by a worker that lives and takes messages."""
    return and_(_DEVICES.c.token.is_not(None), _DEVICES.c.expires_at >= db_now(), _DEVICES.c.accepting)


_USABLE = select(
    _DEVICES.c.kind, _DEVICES.c.name, _DEVICES.c.plugins, _DEVICES.c.precisions, _DEVICES.c.memory
).where(_usable())
_LIVE = select(_DEVICES.c.kind, func.count()).where(_usable()).group_by(_DEVICES.c.kind)


def live(session: Session, plugins: str | None = None) -> dict[str, int]:
    """Claimed devices per kind: the slots that can train now, a sweep with these plug-ins if it has some."""
    return dict(session.execute(_LIVE.where(*is_live(plugins)) if plugins else _LIVE).all())


@dataclass(frozen=True)
class LiveDevice:
    """What a device that can be given a pack now has: memory in bytes, 0 where that is not known."""

    kind: str
    name: str
    plugins: str
    precisions: frozenset[str]
    memory: int

    def trains(self, kind: str, precision: str, plugins: str | None) -> bool:
        """Whether it trains in a precision, with the plug-ins of a sweep if it has some, as one of a kind."""
        return self.kind == kind and precision in self.precisions and (not plugins or self.plugins == plugins)

    def can_take(self, pack: Pack, plugins: str | None) -> bool:
        """Whether it can train a pack of a sweep with these plug-ins."""
        enough = pack.memory <= packing.usable_memory(self.memory)
        return enough and self.trains(pack.kind, pack.precision, plugins)


def usable(session: Session) -> list[LiveDevice]:
    """Every device that can be given a pack now."""
    return [
        LiveDevice(kind, name, plugins, frozenset(precisions.split(",")), memory)
        for kind, name, plugins, precisions, memory in session.execute(_USABLE)
    ]


def precisions(session: Session) -> dict[str, Counter[str]]:
    """How many live devices of each kind have each precision."""
    found: dict[str, Counter[str]] = {}
    for device in usable(session):
        found.setdefault(device.kind, Counter()).update(device.precisions)
    return found


def is_live(plugins: str | None = None) -> tuple[ColumnElement[bool], ...]:
    """The conditions that a device can be given a pack now, of a sweep with these plug-ins if it has some."""
    return _usable(), _DEVICES.c.plugins == plugins if plugins else true()


def all_devices(session: Session) -> Sequence[tuple[Device, bool]]:
    """Every device ever claimed, with whether its claim is alive and its worker takes messages."""
    rows = session.execute(select(Device, _usable()).order_by(Device.id))
    return [(device, bool(alive)) for device, alive in rows]
