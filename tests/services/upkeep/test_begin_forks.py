"""services/upkeep/begin_forks.py: forks whose parents stopped training begin with the next round."""

from __future__ import annotations

from paper_sweep import fill, fork_of, row_of, take, trials_of, write_sweep

from services.domain.retry import Failure
from services.store import endings
from services.store.models import Trial
from services.store.session import Store
from services.upkeep.begin_forks import begin_forks


def test_a_fork_begins_once_its_parent_no_longer_trains(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    lease = take(sqlite_store, fill(sqlite_store, sweep_id))
    assert begin_forks(sqlite_store) == 0
    fork = fork_of(sqlite_store, trials_of(sqlite_store, sweep_id)[0].id)
    assert begin_forks(sqlite_store) == 0
    error = {"message": "killed"}
    sqlite_store.write(lambda session: endings.give_up(session, lease, Failure.CRASHED, error))
    assert begin_forks(sqlite_store) == 1
    assert row_of(sqlite_store, Trial, fork.id).start_epoch == 0
