"""Endings: each trial of a broken attempt is judged, and the pack is closed or lost."""

from __future__ import annotations

import pytest
from paper_sweep import fill, report, row_of, take, trials_of, write_sweep

from services.domain.retry import Failure
from services.store import endings, sweep_verbs, trial_verbs
from services.store.models import Pack
from services.store.reports import Saved
from services.store.session import Store


@pytest.mark.parametrize(
    ("failure", "pack", "trial"),
    [
        (Failure.PREEMPTED, "closed", "pending"),
        (Failure.DAMAGED, "closed", "pending"),
        (Failure.HOST, "closed", "pending"),
        (Failure.CRASHED, "lost", "pending"),
        (Failure.SPEC, "lost", "failed"),
    ],
)
def test_what_becomes_of_a_pack_and_its_trials(store: Store, failure: Failure, pack: str, trial: str) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    error = {"kind": failure, "message": "why"}
    store.write(lambda session: endings.give_up(session, held, failure, error))
    ended = row_of(store, Pack, held.pack_id)
    assert (ended.state, ended.outcome) == (pack, f"{failure}: why")
    assert ended.closed_at is not None
    trials = trials_of(store, sweep_id)
    assert {(each.state, each.pack_id, each.finished_at is None) for each in trials} == {
        (trial, None, trial == "pending")
    }
    expected = None if failure == Failure.PREEMPTED else error
    assert all(each.failure == expected for each in trials)
    assert all((each.not_before > ended.closed_at) == (failure == Failure.HOST) for each in trials)


@pytest.mark.parametrize("epochs", [0, 1])
@pytest.mark.parametrize("failure", [Failure.MEMORY, Failure.CRASHED])
def test_on_a_cpu_only_what_has_not_trained_leaves_its_place_for_lack_of_memory(
    sqlite_store: Store, failure: Failure, epochs: int
) -> None:
    sweep_id = write_sweep(sqlite_store)
    held = take(sqlite_store, fill(sqlite_store, sweep_id))
    mine = [trial.id for trial in trials_of(sqlite_store, sweep_id)]
    if epochs:
        report(sqlite_store, held, 1, mine, saved=Saved(1, "packs/p/1", "0" * 64, 5))
    sqlite_store.write(lambda session: endings.give_up(session, held, failure, {"message": "why"}))
    leaves = failure == Failure.MEMORY and not epochs
    found = trials_of(sqlite_store, sweep_id)
    assert [trial.row for trial in found] == ([None] * 4 if leaves else [0, 1, 2, 3])
    assert {trial.most_alive for trial in found} == {2}
    assert fill(sqlite_store, sweep_id).width == (2 if leaves else 4)


def test_a_trial_that_was_to_be_cancelled_is_and_the_others_go_on(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    first = trials_of(store, sweep_id)[0].id
    store.write(lambda session: trial_verbs.cancel(session, first))
    error = {"kind": Failure.CRASHED, "message": "why"}
    store.write(lambda session: endings.give_up(session, held, Failure.CRASHED, error))
    assert [trial.state for trial in trials_of(store, sweep_id)] == ["cancelled"] + ["pending"] * 3
    assert not any(trial.cancel for trial in trials_of(store, sweep_id))


def test_a_lease_that_has_expired_is_taken_back_once(store: Store) -> None:
    sweep_id = write_sweep(store)
    alive, silent = take(store, fill(store, sweep_id)), take(store, fill(store, write_sweep(store)), ttl=-1)
    assert store.read(endings.expired) == [silent.pack_id]
    assert not store.write(lambda session: endings.reap(session, alive.pack_id))
    assert store.write(lambda session: endings.reap(session, silent.pack_id))
    assert not store.write(lambda session: endings.reap(session, silent.pack_id))
    assert row_of(store, Pack, silent.pack_id).state == "lost"


def test_what_a_worker_gives_back_of_a_cancelled_sweep_is_cancelled(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    store.write(lambda s: endings.give_up(s, held, Failure.PREEMPTED, {"kind": Failure.PREEMPTED}))
    assert {trial.state for trial in trials_of(store, sweep_id)} == {"cancelled"}
