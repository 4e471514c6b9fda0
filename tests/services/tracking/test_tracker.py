"""services/tracking/tracker.py, as far as it needs no MLflow."""

from __future__ import annotations

from paper_sweep import fill, take, write_sweep

from services.settings import Settings
from services.store import sweeps
from services.store.session import Store
from services.tracking import Tracker


def test_without_a_server_nothing_is_exported_and_nothing_is_behind_for_it(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    sweep_id = write_sweep(sqlite_store)
    take(sqlite_store, fill(sqlite_store, sweep_id))
    tracker = Tracker(sqlite_store, sqlite_settings.model_copy(update={"mlflow_url": None}), "worker")
    assert tracker.behind() == [sweep_id]
    assert tracker.mirror(sweep_id)
    assert sqlite_store.read(lambda session: sweeps.get(session, sweep_id)).mirror.run_id is None


def test_two_trackers_of_one_name_are_two_owners(sqlite_store: Store, sqlite_settings: Settings) -> None:
    owners = {Tracker(sqlite_store, sqlite_settings, "w" * 99)._owner for _ in range(2)}
    assert len(owners) == 2
    assert all(len(owner) <= 64 for owner in owners)
