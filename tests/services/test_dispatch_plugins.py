"""Packs of a sweep with plug-ins go to workers that have them, and block nobody else's."""

from __future__ import annotations

from paper_catalog import paper_plan, paper_spec
from paper_sweep import write_sweep

from services import dispatch
from services.host import HostDevice
from services.store import devices, packs, sweeps
from services.store.session import Store


def claim(store: Store, name: str, plugins: str, kind: str = "cpu") -> None:
    found = HostDevice("host", name, kind, name)
    assert store.write(lambda session: devices.claim(session, [found], "w", name, 60, plugins))


def planned_with(store: Store, plugins: str) -> str:
    spec = paper_spec()
    return store.write(lambda session: sweeps.insert(session, spec, paper_plan(spec), plugins))


def fill(store: Store, sweep_id: str) -> str | None:
    """The kind of device for which a pack was formed."""
    pack = store.write(lambda session: dispatch.fill(session, sweep_id))
    return pack.kind if pack else None


def test_no_pack_is_formed_that_every_worker_would_refuse(store: Store) -> None:
    sweep_id = planned_with(store, "aaaa")
    claim(store, "cpu:0", "")
    claim(store, "cpu:1", "bbbb")
    assert fill(store, sweep_id) is None
    assert fill(store, write_sweep(store)) == "cpu"
    claim(store, "GPU-1", "aaaa", "cuda")
    assert fill(store, sweep_id) == "cuda"


def test_a_pack_that_everybody_refuses_leaves_the_window(store: Store) -> None:
    sweep_id = planned_with(store, "aaaa")
    assert fill(store, sweep_id) == "cpu"  # nobody is there yet: who comes first may have them
    store.write(dispatch.withdraw_stranded)
    assert len(store.read(packs.queued)) == 1
    claim(store, "cpu:0", "")
    store.write(dispatch.withdraw_stranded)
    assert store.read(packs.queued) == []
    claim(store, "cpu:1", "aaaa")
    assert fill(store, sweep_id) == "cpu"
    store.write(dispatch.withdraw_stranded)
    assert len(store.read(packs.queued)) == 1


def test_a_worker_with_plug_ins_trains_sweeps_that_need_none(store: Store) -> None:
    claim(store, "cpu:0", "aaaa")
    assert fill(store, write_sweep(store)) == "cpu"
