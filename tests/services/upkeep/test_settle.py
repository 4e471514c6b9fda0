"""Settle: sweeps whose trials have ended end, the others do not."""

from __future__ import annotations

from paper_sweep import row_of, write_sweep

from services.store import sweep_verbs
from services.store.models import Sweep
from services.store.session import Store
from services.upkeep.settle import settle


def test_only_sweeps_that_can_end_do_and_only_once(store: Store) -> None:
    cancelled, stopped, active = (write_sweep(store) for _ in range(3))
    store.write(lambda session: sweep_verbs.cancel(session, cancelled))
    store.write(lambda session: sweep_verbs.stop(session, stopped))
    assert settle(store) == 2
    assert settle(store) == 0
    states = [row_of(store, Sweep, sweep_id).state for sweep_id in (cancelled, stopped, active)]
    assert states == ["cancelled", "cancelled", "active"]
