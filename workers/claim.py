"""A worker's claim on a device: held by a token, kept by the heartbeat; a worker waits until it has one."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from dataclasses import dataclass
from functools import partial

from cnnlab.plugins import read  # without torch
from services.host import HostDevice
from services.settings import Settings
from services.store import devices, workers
from services.store.session import Store
from workers.devices import find

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """One device, for one worker."""

    worker: str
    device: HostDevice
    token: str
    plugins: str = ""  # digest of the entry files that the worker has


def wait_for_device(store: Store, settings: Settings) -> Claim:
    """Claim a device of this host; while all are taken, show so in the log and in SQL and try again."""
    host = socket.gethostname()
    worker, token = f"{host}:{os.getpid()}", secrets.token_hex(16)
    candidates = find(settings.devices)
    plugins = read("" if settings.plugins is None else str(settings.plugins)).digest
    logged = ""
    while True:
        device = store.write(
            lambda session: devices.claim(session, candidates, worker, token, settings.lease_ttl, plugins)
        )
        if device:
            status = f"has claimed {device.identity} ({device.name})"
        else:
            names = ", ".join(device.identity for device in candidates) or "none"
            status = f"waits: every device of this host is claimed by another worker ({names})"
        store.write(partial(workers.say, worker_id=worker, host=host, pid=os.getpid(), words=status))
        if status != logged:
            log.info("worker %s %s", worker, status)
            logged = status
        if device:
            return Claim(worker, device, token, plugins)
        time.sleep(settings.heartbeat)
