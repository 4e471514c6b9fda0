"""The chore that frees what dead workers of this host held: at once, and only what is certainly theirs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import pytest
from paper_sweep import TTL, fill, row_of, write_sweep

from services import lock_file
from services.host import HostDevice
from services.store import devices, leases
from services.store.devices import ClaimedDevice
from services.store.leases import Lease
from services.store.models import Pack
from services.store.session import Session, Store
from services.upkeep.vacate import vacate

NAMES = ("elsewhere", "alive", "dead")


@pytest.fixture
def three(sqlite_store: Store) -> Iterator[dict[str, Lease]]:
    """A worker of another host, one that lives, and one that died; each trains a pack."""
    held = {}
    for name in NAMES:
        device = HostDevice("host", name, "cpu", name)
        sqlite_store.write(partial(devices.claim, found=[device], worker=name, token=name, ttl=60.0))
        held[name] = Lease.new(fill(sqlite_store, write_sweep(sqlite_store)).id)
        take = partial(leases.take, held=held[name], worker=name, device=device.id, ttl=TTL, claim=name)
        assert sqlite_store.write(take)
    alive = lock_file.hold("alive")
    os.close(lock_file.hold("dead"))
    yield held
    os.close(alive)
    for name in NAMES:
        lock_file.remove(name)


def test_only_what_is_seen_to_be_dead_is_freed(
    sqlite_store: Store, three: dict[str, Lease], caplog: pytest.LogCaptureFixture
) -> None:
    assert vacate(sqlite_store) == 1
    states = {name: row_of(sqlite_store, Pack, held.pack_id).state for name, held in three.items()}
    assert states == {"elsewhere": "running", "alive": "running", "dead": "lost"}
    assert {each.token for each in sqlite_store.read(devices.claims)} == {"elsewhere", "alive"}
    assert f"worker dead is dead; device host/dead is free, pack {three['dead'].pack_id} gets" in caplog.text
    assert not lock_file.path_of("dead").exists()
    assert vacate(sqlite_store) == 0


def test_a_device_that_cannot_be_freed_stops_no_other(
    sqlite_store: Store,
    three: dict[str, Lease],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    os.close(lock_file.hold("elsewhere"))
    free = devices.vacate

    def fails_once(session: Session, claimed: ClaimedDevice) -> list[str]:
        if claimed.token == "dead":
            raise RuntimeError("on purpose")
        return free(session, claimed)

    monkeypatch.setattr(devices, "vacate", fails_once)
    assert vacate(sqlite_store) == 1
    assert "device host/dead could not be freed" in caplog.text
    assert row_of(sqlite_store, Pack, three["elsewhere"].pack_id).state == "lost"
