"""The window: the packs that are queued or run, and for how many more there is a device."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import Table, func, literal, select, union_all
from sqlalchemy.orm import Session

from services.domain.states import PACK_OUTSTANDING, PackState
from services.store import devices
from services.store.clock import db_now
from services.store.models import Device, Pack

PACKS_PER_DEVICE = 2  # queued or running, per live device

# One statement of the tables, made once: every pack that is formed needs all of it.
_DEVICES, _PACKS = cast(Table, Device.__table__), cast(Table, Pack.__table__)
_READ = union_all(
    select(literal("device").label("what"), _DEVICES.c.kind, _DEVICES.c.plugins, func.count())
    .where(*devices.is_live())
    .group_by(_DEVICES.c.kind, _DEVICES.c.plugins),
    select(_PACKS.c.state, _PACKS.c.kind, _PACKS.c.sweep_id, func.count())
    .where(_PACKS.c.state.in_(sorted(PACK_OUTSTANDING)))
    .group_by(_PACKS.c.state, _PACKS.c.kind, _PACKS.c.sweep_id),
    select(literal("now"), literal(""), literal(""), db_now()),
)


@dataclass
class Window:
    """What was live, queued and running at a time, in ms of the database's clock."""

    now: int = 0
    devices: Counter[tuple[str, str]] = field(default_factory=Counter)  # by kind and plug-ins of the worker
    queued: Counter[tuple[str, str]] = field(default_factory=Counter)  # packs, by kind and sweep
    running: Counter[tuple[str, str]] = field(default_factory=Counter)

    def free(self, plugins: str | None) -> Counter[str]:
        """How many places there are for a sweep with these plug-ins, by kind of device.

        With no worker alive they are of the kind that every host has. None where the window is full, and
        where every worker would refuse the sweep: the packs of others need the window.
        """
        packs: Counter[str] = Counter()
        for (kind, _), count in (self.queued + self.running).items():
            packs[kind] += count
        if not self.devices:
            return +Counter({"cpu": PACKS_PER_DEVICE - packs["cpu"]})
        live: Counter[str] = Counter()
        for (kind, _), count in self.devices.items():
            live[kind] += count
        able = {kind for kind, has in self.devices if not plugins or has == plugins}
        return +Counter({kind: PACKS_PER_DEVICE * live[kind] - packs[kind] for kind in sorted(able)})

    def idle(self) -> int:
        """How many live devices train nothing."""
        return self.devices.total() - self.running.total()

    def is_shared(self, sweep_id: str) -> bool:
        """Whether a pack of another sweep waits in it."""
        return any(other != sweep_id for _, other in self.queued)


def read(session: Session) -> Window:
    """Read the window as it is now."""
    window = Window()
    counts = {"device": window.devices, PackState.QUEUED: window.queued, PackState.RUNNING: window.running}
    for what, kind, name, number in session.execute(_READ):
        if what == "now":
            window.now = number
        else:
            counts[what][kind, name] = number
    return window
