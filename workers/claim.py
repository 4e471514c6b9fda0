"""A worker's claim on a device: held by a token, kept by the heartbeat; a worker waits until it has one."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from cnnlab.plugins import read  # without torch
from services import lock_file
from services.host import HostDevice
from services.precisions import with_precisions
from services.settings import Settings
from services.store import devices, workers
from services.store.devices import ClaimedDevice
from services.store.session import Store
from workers.devices import filled, find

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """One device, for one worker."""

    worker: str
    device: HostDevice
    token: str
    plugins: str = ""  # digest of the entry files that the worker has
    remark: str = ""  # what of the host is not used, and why


class UnrenewedClaims:
    """The claims of others that nobody renewed while this worker looked at them for the length of a lease.

    That a claim has expired is not enough: after an outage of the database every claim has, though its worker
    lives and renews it soon. A look that comes late, as one after an outage does, begins anew.
    """

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._since: dict[tuple[str, int], float] = {}  # token and end of a claim: when it was first seen so
        self._last = 0.0

    def forfeited(self, now: float, ends: Mapping[str, int]) -> set[str]:
        """Note when each token's claim ends; returns the tokens whose claims have stayed as they were.

        `now` is this worker's own monotonic clock, in seconds: it measures how long the worker has looked.
        """
        if now - self._last > self._ttl / 2:
            self._since = {}
        self._last = now
        self._since = {seen: self._since.get(seen, now) for seen in ends.items()}
        return {token for (token, _), since in self._since.items() if now - since >= self._ttl}


def wait_for_device(store: Store, settings: Settings) -> Claim:
    """Claim a device of this host; while none is free, show why in the log and in SQL and try again.

    A GPU that another program fills is not claimed; whether it still does is asked again with every try.
    The device of a worker that is seen to be dead, with its packs, is free at once; one whose claim has only
    run out is left to it until this worker has seen for the length of a lease that it is not renewed.
    """
    host = socket.gethostname()
    worker, token = f"{host}:{os.getpid()}", secrets.token_hex(16)
    found = find(settings.devices)
    candidates = with_precisions(found.devices)
    remark, full = f"; {found.remark}" if found.remark else "", found.full
    plugins = read("" if settings.plugins is None else str(settings.plugins)).digest
    lock_file.hold(token)  # before anyone can read the token
    observed, logged = UnrenewedClaims(settings.lease_ttl), ""
    while True:
        held = _vacate_dead(store)
        forfeited = observed.forfeited(time.monotonic(), {claim.token: claim.expires_at for claim in held})
        roomy = [device for device in candidates if device.identity not in full]
        device = store.insist(
            lambda session, among=roomy, free=forfeited: devices.claim(  # type: ignore[misc]
                session, among, worker, token, settings.lease_ttl, plugins, free
            )
        )
        if device:
            status = f"has claimed {device.identity} ({device.name}){remark}"
        else:
            status = f"waits: {_why_none(candidates, held, full)}{remark}"
        store.insist(partial(workers.say, worker_id=worker, host=host, pid=os.getpid(), words=status))
        if status != logged:
            log.info("worker %s %s", worker, status)
            logged = status
        if device:
            return Claim(worker, device, token, plugins, found.remark)
        time.sleep(settings.heartbeat)
        full = filled(candidates)


def _why_none(
    candidates: Sequence[HostDevice], held: Sequence[ClaimedDevice], full: Mapping[str, str]
) -> str:
    """Why none of these devices can be claimed, and what to do, in a sentence."""
    holders = {claim.device_id: claim.worker for claim in held}
    crowded = [full[one.identity] for one in candidates if one.id not in holders and one.identity in full]
    if crowded:
        return "; ".join(crowded)
    names = ", ".join(f"{one.identity} by {holders.get(one.id, 'another')}" for one in candidates)
    return (
        f"every device of this host is claimed by another worker ({names or 'it has none'}); stop this "
        "worker, which begins once one of them ends, or set CNNLAB_DEVICES to a device that is free"
    )


def _vacate_dead(store: Store) -> list[ClaimedDevice]:
    """Free the devices of workers that have died on this host; returns the claims of all others."""
    others = []
    for claimed in store.insist(devices.claims):
        if lock_file.is_dropped(claimed.token):
            packs = store.insist(partial(devices.vacate, claimed=claimed))
            lock_file.remove(claimed.token)
            again = f", pack {', '.join(packs)} gets another attempt" if packs else ""
            log.warning("worker %s is dead, its device %s free%s", claimed.worker, claimed.device_id, again)
        else:
            others.append(claimed)
    return others
