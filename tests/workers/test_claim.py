"""workers/claim.py: a worker claims the first free device, and waits while there is none."""

from __future__ import annotations

import os
import socket
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from fake_driver import FakeDriver
from module_clock import set_clock
from paper_sweep import fill, row_of, write_sweep
from sqlalchemy import update

from services import lock_file, precisions
from services.host import EVERYWHERE, HostDevice
from services.settings import Settings
from services.store import devices, endings, leases, workers
from services.store.leases import Lease
from services.store.models import Device, Pack
from services.store.session import Store
from workers import claim as module
from workers.claim import UnrenewedClaims, wait_for_device

HOST = socket.gethostname()
SLOTS = [HostDevice(HOST, f"cpu:{i}", "cpu", f"slot {i}") for i in range(2)]


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the test's own for lock files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture(autouse=True)
def processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the kernel says of a processor that does not multiply bfloat16, whichever runs the test."""
    facts = tmp_path / "cpuinfo"
    facts.write_text("flags\t\t: fpu avx2\n")
    monkeypatch.setattr(precisions, "PROCESSOR", facts)
    return facts


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


def test_a_claimed_device_says_in_which_precisions_it_trains(
    sqlite_store: Store, two_slots: Settings, processor: Path
) -> None:
    processor.write_text("flags\t\t: fpu amx_bf16\n")
    claim = wait_for_device(sqlite_store, two_slots)
    assert claim.device.precisions == (*EVERYWHERE, "bfloat16")
    assert sqlite_store.read(devices.precisions) == {"cpu": Counter([*EVERYWHERE, "bfloat16"])}


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
            "waits: every device of this host is claimed by another worker (cpu:0 by other, cpu:1 by other); "
            "stop this worker, which begins once one of them ends, or set CNNLAB_DEVICES to a device that is "
            "free"
        )
        if len(pauses) == 2:
            sqlite_store.write(lambda session: devices.release(session, SLOTS[1].id, "token 1"))

    set_clock(monkeypatch, module, sleep=sleep)
    with caplog.at_level("INFO"):
        claim = wait_for_device(sqlite_store, two_slots)
    assert claim.device == SLOTS[1]
    assert pauses == [two_slots.heartbeat] * 2
    assert [record.message.split(" ", 2)[2].split(" ")[0] for record in caplog.records] == ["waits:", "has"]


class Claimant:
    """A worker that waits for the only slot beside its holder; time is the test's."""

    def __init__(self, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.settings = store, settings.model_copy(update={"devices": "cpu:0"})
        self.now, self.steps = 1000.0, iter(())  # type: ignore[var-annotated]
        take_slot(store, 0)
        set_clock(monkeypatch, module, monotonic=lambda: self.now)
        set_clock(monkeypatch, module, sleep=self._sleep)

    def train(self) -> str:
        """Have the holder train a pack; its id."""
        held = Lease.new(fill(self.store, write_sweep(self.store)).id)
        device = SLOTS[0].id
        assert self.store.write(lambda s: leases.take(s, held, "other", device, 60.0, "token 0"))
        return held.pack_id

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        next(self.steps)

    def wait(self, steps: object) -> bool:
        """Wait for the device while the world takes these steps; whether it was claimed before they end."""
        self.steps = steps  # type: ignore[assignment]
        try:
            wait_for_device(self.store, self.settings)
        except StopIteration:
            return False
        return True

    def expire(self) -> None:
        """What an outage longer than a lease leaves behind."""
        for model in (Device, Pack):
            self.store.write(lambda session, m=model: session.execute(update(m).values(expires_at=1)))  # type: ignore[misc]

    def renew(self) -> None:
        """The holder's heartbeat."""
        assert self.store.write(lambda s: devices.renew(s, SLOTS[0].id, "token 0", 60.0, None))


@pytest.fixture
def claimant(sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Claimant:
    """A claimant, and a holder whose claim is alive."""
    return Claimant(sqlite_store, sqlite_settings, monkeypatch)


def outage(claimant: Claimant, renew_after: int) -> object:
    """The database is away for two leases; the holder renews so many polls after its return."""
    yield
    claimant.now += 2 * claimant.settings.lease_ttl
    claimant.expire()
    for poll in range(12):
        if poll == renew_after:
            claimant.renew()
        yield


@pytest.mark.parametrize("renew_after", [0, 1, 4])
@pytest.mark.parametrize("trains", [True, False])
def test_a_device_keeps_its_worker_through_an_outage_whoever_comes_back_first(
    claimant: Claimant, renew_after: int, trains: bool
) -> None:
    pack_id = claimant.train() if trains else None
    assert not claimant.wait(outage(claimant, renew_after))
    (claimed,) = claimant.store.read(devices.claims)
    assert claimed.token == "token 0"
    assert claimed.expires_at > claimant.store.now()
    if pack_id:
        assert row_of(claimant.store, Pack, pack_id).state == "running"


def test_a_device_whose_worker_never_returns_is_taken_after_its_pack(claimant: Claimant) -> None:
    pack_id = claimant.train()

    def steps() -> object:
        claimant.expire()
        for _ in range(9):
            yield
        (claimed,) = claimant.store.read(devices.claims)
        assert claimed.token == "token 0"  # the pack is running still
        claimant.store.write(lambda session: endings.reap(session, pack_id))
        yield

    assert claimant.wait(steps())


@pytest.mark.parametrize(("polls", "taken"), [(5, False), (6, True)])
def test_a_claim_that_nobody_renews_is_taken_after_one_lease(
    claimant: Claimant, polls: int, taken: bool
) -> None:
    claimant.expire()
    assert claimant.wait(iter(range(polls))) is taken  # one every 5 s


def test_a_claim_is_taken_only_after_a_whole_lease_of_looking_without_a_break() -> None:
    claims = UnrenewedClaims(30.0)
    assert [claims.forfeited(now, {"a": 1}) for now in range(1000, 1030, 5)] == [set()] * 6
    assert claims.forfeited(1030, {"a": 1, "b": 1}) == {"a"}
    assert claims.forfeited(1046, {"a": 1, "b": 1}) == set()  # it was away itself
    for now in range(1050, 1076, 5):
        claims.forfeited(now, {"a": 1})
    assert claims.forfeited(1076, {"a": 1}) == {"a"}
    assert claims.forfeited(1080, {"a": 2}) == set()  # renewed


def test_a_dead_worker_s_device_is_taken_at_once(
    sqlite_store: Store, two_slots: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, module, sleep=lambda _: pytest.fail("it must not wait"))
    take_slot(sqlite_store, 0)
    take_slot(sqlite_store, 1)
    held = Lease.new(fill(sqlite_store, write_sweep(sqlite_store)).id)
    assert sqlite_store.write(lambda s: leases.take(s, held, "other", SLOTS[1].id, 60.0, "token 1"))
    alive, dead = lock_file.hold("token 0"), lock_file.hold("token 1")
    os.close(dead)
    try:
        claim = wait_for_device(sqlite_store, two_slots)
    finally:
        os.close(alive)
        lock_file.remove("token 0")
        lock_file.remove("token 1")
    assert claim.device == SLOTS[1]
    assert row_of(sqlite_store, Pack, held.pack_id).state == "lost"
    assert not lock_file.is_dropped(claim.token)  # its own lock is held


ROW = "GPU-a, 570.86.15, 140000, {free}, NVIDIA H200"


def test_a_gpu_that_another_program_fills_is_claimed_as_soon_as_it_has_room(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver = FakeDriver(tmp_path, monkeypatch)
    driver.lists(ROW.format(free=2048))
    pauses = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        assert status(sqlite_store).startswith(
            "waits: GPU-a (NVIDIA H200) has only 2 of 137 GiB free, and packs need 80%: another program "
            "fills it; end that"
        )
        assert sqlite_store.read(devices.claims) == []
        if len(pauses) == 2:
            driver.lists(ROW.format(free=139000))

    set_clock(monkeypatch, module, sleep=sleep)
    claim = wait_for_device(sqlite_store, sqlite_settings.model_copy(update={"devices": "auto"}))
    assert (claim.device.id, pauses) == ("GPU-a", [sqlite_settings.heartbeat] * 2)


def test_the_second_worker_for_a_gpu_waits_for_its_holder_whose_runner_fills_it(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    FakeDriver(tmp_path, monkeypatch).lists(ROW.format(free=100))
    gpu = HostDevice("elsewhere", "GPU-a", "cuda", "NVIDIA H200")
    assert sqlite_store.write(lambda session: devices.claim(session, [gpu], "box:7", "token", 60.0))
    set_clock(monkeypatch, module, sleep=lambda _: next(iter(())))
    with pytest.raises(StopIteration):
        wait_for_device(sqlite_store, sqlite_settings.model_copy(update={"devices": "auto"}))
    assert "is claimed by another worker (GPU-a by box:7); stop this worker" in status(sqlite_store)


def test_what_of_the_host_is_not_used_is_said_with_the_claim(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    FakeDriver(tmp_path, monkeypatch).lists(ROW.format(free=139000))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    claim = wait_for_device(sqlite_store, sqlite_settings.model_copy(update={"devices": "auto"}))
    assert claim.device.kind == "cpu"
    assert status(sqlite_store) == (
        "has claimed cpu:0 (core 0); CUDA_VISIBLE_DEVICES is empty, so no GPU is used; unset it to use those "
        "of this host"
    )
    assert claim.remark == status(sqlite_store).partition("; ")[2]
