"""Revision 0005: what MLflow does not have yet is behind after going down and up, and nothing else."""

from __future__ import annotations

import pytest
from paper_sweep import fill, report, take, trials_of, write_sweep

from migrations.apply import downgrade, upgrade
from services.store import mirror
from services.store.mirror import MirrorLease
from services.store.session import Store

HERE = "1a2b3c4d"


def mirrored(store: Store, trained: bool) -> str:
    """A sweep that MLflow has all of, but for the epoch of a trial that `trained`."""
    sweep_id = write_sweep(store)
    if trained:
        held = take(store, fill(store, sweep_id))
        report(store, held, 1, [trial.id for trial in trials_of(store, sweep_id)])
    lease = MirrorLease(sweep_id, "one", 60.0)
    assert store.write(lambda session: mirror.take(session, lease))
    store.write(lambda session: mirror.mark_sweep(session, lease, f"active:4711:{HERE}"))
    return sweep_id


@pytest.mark.parametrize("addresses", [HERE, "elsewhe"])
def test_what_is_behind_is_worked_out_once(database_url: str, addresses: str) -> None:
    store = Store(database_url)
    new, done, trained = write_sweep(store), mirrored(store, False), mirrored(store, True)
    store.close()
    downgrade(database_url, "0003")
    upgrade(database_url)
    store = Store(database_url)
    behind = store.read(lambda session: mirror.behind(session, addresses))
    store.close()
    assert set(behind) == {new, trained} | (set() if addresses == HERE else {done})
