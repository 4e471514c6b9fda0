"""The window: its places by kind of device and by plug-ins, and who waits in it."""

from __future__ import annotations

from collections import Counter

from paper_sweep import fill, take, write_sweep

from services.host import HostDevice
from services.store import devices, packs, window
from services.store.session import Store
from services.store.window import Window


def test_packs_are_counted_by_state_kind_and_sweep(store: Store) -> None:
    sweep_id, other = write_sweep(store), write_sweep(store)
    take(store, fill(store, sweep_id))
    withdrawn = fill(store, other)
    now = store.read(window.read)
    assert (now.queued, now.running) == ({("cpu", other): 1}, {("cpu", sweep_id): 1})
    assert (now.is_shared(other), now.is_shared(sweep_id)) == (False, True)
    assert abs(now.now - store.now()) < 60_000
    store.write(lambda session: packs.withdraw(session, withdrawn, "test"))
    assert store.read(window.read).queued == {}


def test_live_devices_are_counted_by_kind_and_plug_ins(store: Store) -> None:
    for name, kind, plugins, seconds in (
        ("cpu:0", "cpu", "", 60.0),
        ("GPU-1", "cuda", "digest", 60.0),
        ("GPU-2", "cuda", "", 60.0),
        ("GPU-3", "cuda", "", -60.0),
    ):
        found = [HostDevice("host", name, kind, name)]
        assert store.write(lambda s, f=found, p=plugins, t=seconds: devices.claim(s, f, "w", f[0].id, t, p))  # type: ignore[misc]
    now = store.read(window.read)
    assert now.devices == {("cpu", ""): 1, ("cuda", "digest"): 1, ("cuda", ""): 1}
    assert (now.free(None), now.idle()) == ({"cpu": 2, "cuda": 4}, 3)
    assert (now.free("digest"), now.free("another")) == ({"cuda": 4}, {})


def test_a_place_is_taken_by_a_pack_that_waits_or_runs() -> None:
    devices_of = Counter({("cpu", ""): 2})
    now = Window(0, devices_of, Counter({("cpu", "a"): 1, ("cpu", "b"): 1}), Counter({("cpu", "a"): 1}))
    assert (now.free(None), now.idle()) == ({"cpu": 1}, 1)
    now.queued["cpu", "b"] += 1
    assert now.free(None) == {}
    assert Window().free(None) == {"cpu": 2}  # the kind of device that every host has
