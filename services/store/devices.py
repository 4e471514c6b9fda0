"""Devices: claimed by one worker at a time, under a lease of their own."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, or_, select, true, update
from sqlalchemy.orm import Session

from services.host import HostDevice
from services.store.clock import db_now, in_seconds
from services.store.models import Device
from services.store.session import touched


def claim(
    session: Session, found: Sequence[HostDevice], worker: str, token: str, ttl: float, plugins: str = ""
) -> HostDevice | None:
    """Claim the first free one of a host's devices; None when every one is taken.

    `plugins` is the digest of the entry files that the worker has.
    """
    for device in found:
        if session.get(Device, device.id) is None:
            session.add(Device(id=device.id, host=device.host, name=device.name, kind=device.kind))
            session.flush()
        free = or_(Device.token.is_(None), Device.expires_at < db_now())
        claimed = session.execute(
            update(Device)
            .where(Device.id == device.id, free)
            .values(token=token, worker=worker, expires_at=in_seconds(ttl), pack_id=None, plugins=plugins)
        )
        if touched(claimed):
            return device
    return None


def renew(session: Session, device_id: str, token: str, ttl: float, pack_id: str | None) -> bool:
    """Keep a claim; False if another worker has the device by now."""
    kept = session.execute(
        update(Device)
        .where(Device.id == device_id, Device.token == token)
        .values(expires_at=in_seconds(ttl), pack_id=pack_id)
    )
    return bool(touched(kept))


def release(session: Session, device_id: str, token: str) -> None:
    """Give a device back."""
    session.execute(
        update(Device)
        .where(Device.id == device_id, Device.token == token)
        .values(token=None, expires_at=0, pack_id=None)
    )


def live(session: Session, plugins: str | None = None) -> dict[str, int]:
    """Claimed devices per kind: the slots that can train now, a sweep with these plug-ins if it has some."""
    rows = session.execute(select(Device.kind, func.count()).where(*is_live(plugins)).group_by(Device.kind))
    return dict(rows.all())


def is_live(plugins: str | None = None) -> tuple[ColumnElement[bool], ...]:
    """The conditions that a device can train now, a sweep with these plug-ins if it has some."""
    able = Device.plugins == plugins if plugins else true()
    return Device.token.is_not(None), Device.expires_at >= db_now(), able


def all_devices(session: Session) -> Sequence[tuple[Device, bool]]:
    """Every device ever claimed, with whether its claim is alive."""
    rows = session.execute(
        select(Device, (Device.token.is_not(None)) & (Device.expires_at >= db_now())).order_by(Device.id)
    )
    return [(device, bool(alive)) for device, alive in rows]
