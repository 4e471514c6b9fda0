"""Claims on devices."""

from __future__ import annotations

from collections.abc import Collection

from paper_sweep import TTL, fill, row_of, write_sweep

from services.host import HostDevice
from services.store import devices, endings, leases, workers
from services.store.leases import Lease
from services.store.models import Pack
from services.store.session import Store

TWO = [HostDevice("host", "cpu:0", "cpu", "slot 0"), HostDevice("host", "cpu:1", "cpu", "slot 1")]


def claim(store: Store, token: str, ttl: float = 60, forfeited: Collection[str] = ()) -> HostDevice | None:
    """Claim one of two devices."""
    return store.write(
        lambda session: devices.claim(session, TWO, f"worker-{token}", token, ttl, forfeited=forfeited)
    )


def lease(store: Store, claim: str, ttl: float = TTL) -> Lease:
    """A pack of a new sweep, leased under a claim."""
    held = Lease.new(fill(store, write_sweep(store)).id)
    assert store.write(lambda s: leases.take(s, held, "worker", TWO[0].id, ttl, claim))
    return held


def test_each_device_has_one_owner(store: Store) -> None:
    assert [claim(store, token) for token in "abc"] == [TWO[0], TWO[1], None]


def test_an_expired_claim_can_be_taken_when_it_is_forfeited_and_the_old_owner_notices(store: Store) -> None:
    claim(store, "a", ttl=-1)
    assert claim(store, "b", forfeited=["a"]) == TWO[0]
    assert not store.write(lambda session: devices.renew(session, TWO[0].id, "a", 60, None))
    assert store.write(lambda session: devices.renew(session, TWO[0].id, "b", 60, None))


def test_a_claim_that_has_only_run_out_is_not_taken(store: Store) -> None:
    claim(store, "a", ttl=-1)
    assert claim(store, "b") == TWO[1]
    assert claim(store, "c") is None
    assert store.write(lambda session: devices.renew(session, TWO[0].id, "a", 60, None))
    assert claim(store, "c", forfeited=["a"]) is None  # it was renewed meanwhile


def test_a_device_is_not_taken_from_under_a_pack_that_rescue_has_not_taken(store: Store) -> None:
    claim(store, "a", ttl=-1)
    held = lease(store, "a", ttl=-1)
    assert claim(store, "b", forfeited=["a"]) == TWO[1]
    assert store.write(lambda session: endings.reap(session, held.pack_id))
    assert claim(store, "c", forfeited=["a"]) == TWO[0]


def test_a_device_whose_worker_takes_no_messages_is_no_live_one(store: Store) -> None:
    claim(store, "a")
    claim(store, "b")
    assert store.write(lambda s: devices.renew(s, TWO[0].id, "a", 60, None, accepting=False))
    assert store.read(devices.live) == {"cpu": 1}
    assert [alive for _, alive in store.read(devices.all_devices)] == [False, True]
    assert claim(store, "c", forfeited=["a"]) is None  # its worker may well be training
    assert store.write(lambda s: devices.renew(s, TWO[0].id, "a", 60, None, accepting=True))
    assert store.read(devices.live) == {"cpu": 2}


def test_a_dead_worker_s_device_is_free_and_its_pack_given_up(store: Store) -> None:
    claim(store, "a")
    store.write(lambda s: workers.say(s, "worker-a", "host", 7, "trains"))
    held = lease(store, "a")
    (claimed,) = store.read(devices.claims)
    assert (claimed.device_id, claimed.worker, claimed.token) == (TWO[0].id, "worker-a", "a")
    assert store.write(lambda s: devices.vacate(s, claimed)) == [held.pack_id]
    assert row_of(store, Pack, held.pack_id).state == "lost"
    assert store.read(lambda s: workers.seen_within(s, 60)) == []
    assert claim(store, "b") == TWO[0]
    assert store.write(lambda s: devices.vacate(s, claimed)) == []  # late, and harms nobody
    assert store.read(devices.live) == {"cpu": 1}


def test_a_released_device_is_free_and_a_late_release_harms_nobody(store: Store) -> None:
    claim(store, "a")
    store.write(lambda session: devices.release(session, TWO[0].id, "a"))
    assert claim(store, "b") == TWO[0]
    store.write(lambda session: devices.release(session, TWO[0].id, "a"))
    assert store.read(devices.live) == {"cpu": 1}


def test_a_gpu_seen_from_two_hosts_is_one_device() -> None:
    assert HostDevice("a", "GPU-1", "cuda", "x").id == HostDevice("b", "GPU-1", "cuda", "x").id
    assert HostDevice("a", "cpu:0", "cpu", "x").id != HostDevice("b", "cpu:0", "cpu", "x").id
