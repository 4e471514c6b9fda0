"""Devices that a worker has claimed in SQL."""

from __future__ import annotations

from functools import partial

from services.host import HostDevice
from services.store import devices
from services.store.session import Store


def claim_all(store: Store, *found: HostDevice) -> None:
    """Have a worker claim each of these devices."""
    for device in found:
        assert store.write(partial(devices.claim, found=[device], worker="w", token=device.identity, ttl=60))
