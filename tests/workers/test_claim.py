"""workers/claim.py: a worker claims the first free device, and waits while there is none."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from services.host import HostDevice
from services.settings import Settings
from services.store import devices, workers
from services.store.session import Store
from workers import claim as module
from workers.claim import wait_for_device

HOST = socket.gethostname()
SLOTS = [HostDevice(HOST, f"cpu:{i}", "cpu", f"slot {i}") for i in range(2)]


@pytest.fixture
def two_slots(sqlite_settings: Settings) -> Settings:
    return sqlite_settings.model_copy(update={"devices": "cpu:0,cpu:1"})


def take_slot(store: Store, index: int) -> None:
    """Claim a slot for another worker."""
    assert store.write(
        lambda session: devices.claim(session, [SLOTS[index]], "other", f"token {index}", 60.0)
    )


def status(store: Store) -> str:
    (worker,) = store.read(lambda session: workers.seen_within(session, 60))
    return worker.says


def test_the_first_free_device_is_claimed_with_the_digest_of_plug_ins(
    sqlite_store: Store, two_slots: Settings, tmp_path: Path
) -> None:
    take_slot(sqlite_store, 0)
    (tmp_path / "activations").mkdir()
    (tmp_path / "activations" / "tried.py").write_text("x = 1\n")
    claim = wait_for_device(sqlite_store, two_slots.model_copy(update={"plugins": tmp_path}))
    assert claim.device == SLOTS[1]
    assert claim.worker == f"{HOST}:{os.getpid()}"
    assert len(claim.plugins) == 64
    rows = {device.id: device for device, _ in sqlite_store.read(devices.all_devices)}
    mine = rows[SLOTS[1].id]
    assert (mine.token, mine.worker, mine.plugins) == (claim.token, claim.worker, claim.plugins)
    assert status(sqlite_store) == "has claimed cpu:1 (slot 1)"


def test_a_worker_waits_until_a_device_is_free(
    sqlite_store: Store,
    two_slots: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    take_slot(sqlite_store, 0)
    take_slot(sqlite_store, 1)
    pauses = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        assert status(sqlite_store) == (
            "waits: every device of this host is claimed by another worker (cpu:0, cpu:1)"
        )
        if len(pauses) == 2:
            sqlite_store.write(lambda session: devices.release(session, SLOTS[1].id, "token 1"))

    monkeypatch.setattr(module.time, "sleep", sleep)
    with caplog.at_level("INFO"):
        claim = wait_for_device(sqlite_store, two_slots)
    assert claim.device == SLOTS[1]
    assert pauses == [two_slots.heartbeat] * 2
    assert [record.message.split(" ", 2)[2].split(" ")[0] for record in caplog.records] == ["waits:", "has"]
