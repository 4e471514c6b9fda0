"""services/tracking/context.py"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from paper_sweep import write_sweep

from services.settings import Settings
from services.store import mirror
from services.store.mirror import MirrorLease, MirrorLeaseLost
from services.store.session import Store
from services.tracking import context
from services.tracking.context import MirrorContext
from services.tracking.mlflow_server import Server


def test_a_lease_is_renewed_once_a_tenth_of_it_has_passed(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=lambda: clock.now, now=100.0)
    monkeypatch.setattr(context, "time", clock)
    lease = MirrorLease(write_sweep(sqlite_store), "me", 30.0)
    other = MirrorLease(lease.sweep_id, "another", 30.0)
    mine = MirrorContext(sqlite_store, sqlite_settings, Server("http://127.0.0.1:1"), lease)
    with pytest.raises(MirrorLeaseLost):
        mine.keep()  # never taken
    assert sqlite_store.write(lambda session: mirror.take(session, lease))
    mine.keep()
    sqlite_store.write(lambda session: mirror.release(session, lease))
    assert sqlite_store.write(lambda session: mirror.take(session, other))
    clock.now += 2.9
    mine.keep()  # it was certain to be held when it was renewed, and for ten times as long
    clock.now += 0.2
    with pytest.raises(MirrorLeaseLost):
        mine.keep()
