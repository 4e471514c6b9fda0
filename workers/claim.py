"""A worker's claim on a device: held by a token, kept by the heartbeat, waited for in words."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from dataclasses import dataclass
from functools import partial

from cnnlab.plugins import read  # without torch
from services.settings import Settings
from services.store import devices, workers
from services.store.devices import Found
from services.store.session import Store
from workers.devices import find

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """One device, for one worker."""

    worker: str
    device: Found
    token: str
    plugins: str = ""  # digest of the entry files it has


def wait_for_device(store: Store, settings: Settings) -> Claim:
    """Claim a device of this host; while all are taken, say so in the log and in SQL and try again."""
    host = socket.gethostname()
    worker, token = f"{host}:{os.getpid()}", secrets.token_hex(16)
    found = find(settings.devices)
    plugins = read("" if settings.plugins is None else str(settings.plugins)).digest
    said = ""
    while True:
        device = store.write(
            lambda session: devices.claim(session, found, worker, token, settings.lease_ttl, plugins)
        )
        if device:
            words = f"has claimed {device.identity} ({device.name})"
        else:
            names = ", ".join(device.identity for device in found) or "none"
            words = f"waits: every device of this host is claimed by another worker ({names})"
        store.write(partial(workers.say, worker_id=worker, host=host, pid=os.getpid(), words=words))
        if words != said:
            log.info("worker %s %s", worker, words)
            said = words
        if device:
            return Claim(worker, device, token, plugins)
        time.sleep(settings.heartbeat)
