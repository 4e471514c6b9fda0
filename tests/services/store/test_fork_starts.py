"""services/store/fork_starts.py: a fork that waits is never lost, whoever dies."""

from __future__ import annotations

import pytest
from paper_sweep import fill, fork_of, report, row_of, take, trials_of, write_sweep
from sqlalchemy import update

from services.domain.retry import Failure
from services.store import endings, fork_starts, reports, trial_verbs
from services.store.models import Pack, Trial
from services.store.reports import Saved
from services.store.session import Store

SAVED = Saved(epoch=1, path="packs/p/1", sha256="ab" * 32, bytes=10)


@pytest.mark.parametrize("saved", [SAVED, None])
def test_after_a_kill_a_fork_begins_with_what_its_parent_has(store: Store, saved: Saved | None) -> None:
    sweep_id = write_sweep(store, train={"epochs": 5})
    pack = fill(store, sweep_id)
    lease = take(store, pack)
    parent, *_ = ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, lease, 1, ids, saved=saved)
    report(store, lease, 2, ids)
    fork = fork_of(store, parent)
    assert store.write(fork_starts.begin_others) == 0, "a runner will write it"
    store.write(lambda s: s.execute(update(Pack).where(Pack.id == pack.id).values(expires_at=0)))
    assert store.write(lambda session: endings.reap(session, pack.id))
    assert store.read(fork_starts.is_any_left)
    assert store.write(fork_starts.begin_others) == 1
    begun, trial = row_of(store, Trial, fork.id), row_of(store, Trial, parent)
    assert begun.start_epoch == begun.epoch == begun.saved_epoch == (1 if saved else 0)
    assert begun.start_checkpoint_id == begun.checkpoint_id == trial.checkpoint_id
    assert begun.start_row == begun.saved_row == (trial.row if saved else None)
    assert not store.read(fork_starts.is_any_left)
    assert store.write(fork_starts.begin_others) == 0
    assert fill(store, fork.sweep_id).start_epoch == begun.start_epoch


def test_the_next_pack_of_the_parent_is_not_waited_for(sqlite_store: Store) -> None:
    store, sweep_id = sqlite_store, write_sweep(sqlite_store, train={"epochs": 5})
    lease = take(store, fill(store, sweep_id))
    parent = trials_of(store, sweep_id)[0].id
    fork = fork_of(store, parent)
    error = {"message": "stopped"}
    store.write(lambda session: endings.give_up(session, lease, Failure.PREEMPTED, error))
    take(store, fill(store, sweep_id))
    assert store.write(fork_starts.begin_others) == 1
    assert row_of(store, Trial, fork.id).start_epoch == 0


def test_what_a_runner_saves_on_its_way_out_is_enough(sqlite_store: Store) -> None:
    store, sweep_id = sqlite_store, write_sweep(sqlite_store, train={"epochs": 5})
    lease = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    fork = fork_of(store, ids[3])
    report(store, lease, 1, ids)
    store.write(lambda session: reports.remember(session, lease, SAVED, ids))
    begun = row_of(store, Trial, fork.id)
    assert (begun.start_epoch, begun.start_row) == (1, 3)


def test_a_checkpoint_begins_the_forks_of_its_own_trials_only_once(store: Store) -> None:
    first, second = (write_sweep(store, train={"epochs": 5}) for _ in range(2))
    held = [take(store, fill(store, sweep_id)) for sweep_id in (first, second)]
    ids = [[trial.id for trial in trials_of(store, sweep_id)] for sweep_id in (first, second)]
    forks = [fork_of(store, parents[0]) for parents in ids] + [fork_of(store, ids[0][0])]
    store.write(lambda session: trial_verbs.cancel(session, forks[2].id))
    report(store, held[0], 1, ids[0], saved=SAVED)
    report(store, held[0], 2, ids[0], saved=Saved(2, "packs/p/2", "0" * 64, 10))
    starts = [row_of(store, Trial, fork.id).start_epoch for fork in forks]
    assert starts == [1, None, 1], "one that was cancelled may be retried"
