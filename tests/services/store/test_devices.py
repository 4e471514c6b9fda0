"""Claims on devices."""

from __future__ import annotations

from services.host import HostDevice
from services.store import devices
from services.store.session import Store

TWO = [HostDevice("host", "cpu:0", "cpu", "slot 0"), HostDevice("host", "cpu:1", "cpu", "slot 1")]


def claim(store: Store, token: str, ttl: float = 60) -> HostDevice | None:
    """Claim one of two devices."""
    return store.write(lambda session: devices.claim(session, TWO, f"worker-{token}", token, ttl))


def test_each_device_has_one_owner(store: Store) -> None:
    assert [claim(store, token) for token in "abc"] == [TWO[0], TWO[1], None]


def test_an_expired_claim_can_be_taken_and_the_old_owner_notices(store: Store) -> None:
    claim(store, "a", ttl=-1)
    assert claim(store, "b") == TWO[0]
    assert not store.write(lambda session: devices.renew(session, TWO[0].id, "a", 60, None))
    assert store.write(lambda session: devices.renew(session, TWO[0].id, "b", 60, None))


def test_a_released_device_is_free_and_a_late_release_harms_nobody(store: Store) -> None:
    claim(store, "a")
    store.write(lambda session: devices.release(session, TWO[0].id, "a"))
    assert claim(store, "b") == TWO[0]
    store.write(lambda session: devices.release(session, TWO[0].id, "a"))
    assert store.read(devices.live) == {"cpu": 1}


def test_a_gpu_seen_from_two_hosts_is_one_device() -> None:
    assert HostDevice("a", "GPU-1", "cuda", "x").id == HostDevice("b", "GPU-1", "cuda", "x").id
    assert HostDevice("a", "cpu:0", "cpu", "x").id != HostDevice("b", "cpu:0", "cpu", "x").id
