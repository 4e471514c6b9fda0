"""workers/heartbeat.py, one beat at a time: what it renews, what it passes on, and when it is overdue."""

from __future__ import annotations

import os
import select
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from module_clock import set_clock
from paper_sweep import fill, row_of, take, trials_of, write_sweep
from sqlalchemy import update

from services import lock_file
from services.host import HostDevice
from services.settings import Settings
from services.store import devices, endings, sweep_verbs, trial_verbs, workers
from services.store.leases import Lease, SweepRequest
from services.store.models import Device, Pack
from services.store.session import Store
from workers import heartbeat as module
from workers.claim import Claim
from workers.heartbeat import Heartbeat
from workers.main_process import MainProcess

DEVICE = HostDevice("host", "cpu:0", "cpu", "slot 0")


class Beating:
    """A heartbeat without its thread, that holds a device and may keep a lease."""

    def __init__(self, store: Store, settings: Settings, remark: str = "") -> None:
        self.store, self.evictions, self.stalls = store, 0, 0
        store.write(lambda session: devices.claim(session, [DEVICE], "worker", "token", 60.0))
        claim = Claim("worker", DEVICE, "token", remark=remark)
        self.main = MainProcess()
        self.heartbeat = Heartbeat(
            store, settings, claim, self.main, on_eviction=self._count, on_stall=self._count_stall
        )

    def _count(self) -> None:
        self.evictions += 1

    def _count_stall(self) -> None:
        self.stalls += 1

    def lease(self) -> tuple[str, Lease]:
        """A sweep whose first pack's lease the heartbeat keeps."""
        sweep_id = write_sweep(self.store)
        lease = take(self.store, fill(self.store, sweep_id))
        self.heartbeat.keep(lease)
        return sweep_id, lease

    @property
    def news(self) -> bool:
        return bool(select.select([self.heartbeat.news_fd], [], [], 0)[0])

    @property
    def status(self) -> str:
        (worker,) = self.store.read(lambda session: workers.seen_within(session, 60))
        return worker.says


@pytest.fixture
def beating(sqlite_store: Store, sqlite_settings: Settings) -> Iterator[Beating]:
    """A heartbeat to beat by hand."""
    made = Beating(sqlite_store, sqlite_settings)
    yield made
    os.close(made.heartbeat.news_fd)
    os.close(made.heartbeat._news)


def test_a_beat_renews_claim_and_lease_and_shows_the_pack(beating: Beating) -> None:
    _, lease = beating.lease()
    for model in (Device, Pack):
        beating.store.write(lambda session, m=model: session.execute(update(m).values(expires_at=1)))
    beating.heartbeat.beat()
    now = beating.store.now()
    assert row_of(beating.store, Pack, lease.pack_id).expires_at > now
    ((device, alive),) = beating.store.read(devices.all_devices)
    assert alive
    assert device.pack_id == lease.pack_id
    assert beating.status == f"trains pack {lease.pack_id} on cpu:0"
    assert not beating.news


def test_without_a_lease_it_is_idle_and_never_overdue(
    beating: Beating, monkeypatch: pytest.MonkeyPatch
) -> None:
    beating.lease()
    beating.heartbeat.release()
    beating.heartbeat.beat()
    assert beating.status == "idle on cpu:0"
    set_clock(monkeypatch, module, monotonic=lambda: 1e12)
    assert not beating.heartbeat.overdue()


def test_a_cancel_is_news_once(beating: Beating) -> None:
    sweep_id, _ = beating.lease()
    beating.store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    beating.heartbeat.beat()
    assert beating.news
    assert beating.heartbeat.request.sweep is SweepRequest.CANCEL
    beating.heartbeat.drain()
    beating.heartbeat.beat()
    assert not beating.news


def test_a_trial_that_is_cancelled_is_named(beating: Beating) -> None:
    sweep_id, _ = beating.lease()
    trial_id = trials_of(beating.store, sweep_id)[1].id
    beating.store.write(lambda session: trial_verbs.cancel(session, trial_id))
    beating.heartbeat.beat()
    assert beating.news
    assert beating.heartbeat.request.cancel_trials == {trial_id}


def test_a_lost_lease_is_news_and_the_next_one_starts_afresh(beating: Beating) -> None:
    _, lease = beating.lease()
    beating.store.write(lambda session: session.execute(update(Pack).values(expires_at=0)))
    beating.store.write(lambda session: endings.reap(session, lease.pack_id))
    beating.heartbeat.beat()
    assert beating.heartbeat.fenced
    assert beating.news
    beating.heartbeat.keep(Lease.new("another"))
    assert not beating.heartbeat.fenced


def test_a_lost_device_evicts_and_renews_nothing(beating: Beating) -> None:
    _, lease = beating.lease()
    beating.store.write(lambda session: session.execute(update(Device).values(token="another's")))
    beating.store.write(lambda session: session.execute(update(Pack).values(expires_at=1)))
    beating.heartbeat.beat()
    assert beating.evictions == 1
    assert beating.heartbeat.evicted
    assert row_of(beating.store, Pack, lease.pack_id).expires_at == 1


def test_a_refusal_is_shown_at_once_until_the_next_pack(beating: Beating) -> None:
    beating.heartbeat.refuse("refuses pack p")
    assert beating.status == "idle on cpu:0; refuses pack p"
    beating.heartbeat.beat()
    assert beating.status.endswith("; refuses pack p")
    beating.lease()
    beating.heartbeat.beat()
    assert "refuses" not in beating.status


def test_it_is_overdue_shortly_before_the_lease_ends(
    beating: Beating, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, module, monotonic=lambda: 100.0)
    beating.lease()
    for passed, overdue in [(24.9, False), (25.1, True)]:  # a lease of 30 s, a margin of 5
        set_clock(monkeypatch, module, monotonic=lambda now=100.0 + passed: now)
        assert beating.heartbeat.overdue() is overdue
    beating.heartbeat.beat()
    assert not beating.heartbeat.overdue()


def test_a_stop_gives_the_device_back(
    beating: Beating, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    os.close(lock_file.hold("token"))
    beating.heartbeat.start()
    beating.heartbeat.beat()
    beating.heartbeat.stop()
    assert not lock_file.path_of("token").exists()
    ((device, alive),) = beating.store.read(devices.all_devices)
    assert (device.token, alive) == (None, False)
    assert beating.store.read(lambda session: workers.seen_within(session, 60)) == []


def test_a_worker_whose_main_process_stands_still_takes_no_messages_and_shows_it(
    beating: Beating, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beating.main, "silence", lambda: 29.0)
    beating.heartbeat.beat()
    assert beating.status == "idle on cpu:0"
    assert beating.store.read(devices.live) == {"cpu": 1}
    monkeypatch.setattr(beating.main, "silence", lambda: 45.0)
    beating.heartbeat.beat()
    assert beating.status == (
        f"takes no messages on cpu:0: for 45 s its main process {os.getpid()} has hung "
        "or Redis has not answered"
    )
    assert beating.store.read(devices.live) == {}
    _, lease = beating.lease()
    beating.heartbeat.beat()
    assert beating.status.startswith(f"trains pack {lease.pack_id}, but takes no messages on cpu:0")
    assert not beating.heartbeat.fenced  # what trains goes on
    monkeypatch.setattr(beating.main, "silence", lambda: 0.5)
    beating.heartbeat.beat()
    assert beating.store.read(devices.live) == {"cpu": 1}


def test_a_supervisor_that_leads_its_pack_no_more_is_noticed(beating: Beating) -> None:
    beating.lease()
    beats = int(beating.heartbeat._settings.stall_floor / beating.heartbeat._settings.heartbeat)
    for _ in range(beats + 1):
        beating.heartbeat.beat()
    assert beating.stalls == 0
    beating.heartbeat.beat()
    assert beating.stalls == 1


def test_one_that_leads_it_is_left_alone_and_so_is_one_without_a_pack(beating: Beating) -> None:
    beating.lease()
    for _ in range(70):
        beating.heartbeat.note_progress()
        beating.heartbeat.beat()
    beating.heartbeat.release()
    for _ in range(70):
        beating.heartbeat.beat()
    assert beating.stalls == 0


def test_a_device_that_is_set_aside_accepts_nothing_and_stays_so(beating: Beating) -> None:
    beating.heartbeat.set_device_aside("it is broken; replace it")
    assert beating.status == "takes no packs on cpu:0 (slot 0): it is broken; replace it"
    assert beating.store.read(devices.live) == {}
    beating.lease()
    beating.heartbeat.beat()
    assert "it is broken" in beating.status
    assert beating.store.read(devices.live) == {}


def test_a_device_is_set_aside_though_the_database_does_not_answer(
    beating: Beating, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(beating.store, "write", lambda _: (_ for _ in ()).throw(OSError("away")))
        beating.heartbeat.set_device_aside("it is broken")
    beating.heartbeat.beat()
    assert beating.store.read(devices.live) == {}


def test_what_of_the_host_is_not_used_is_shown_with_every_beat(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    beating = Beating(sqlite_store, sqlite_settings, remark="CUDA_VISIBLE_DEVICES is empty")
    beating.heartbeat.beat()
    assert beating.status == "idle on cpu:0; CUDA_VISIBLE_DEVICES is empty"
