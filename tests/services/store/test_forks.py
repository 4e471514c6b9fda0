"""services/store/forks.py: which trials can be forked, and where the fork begins."""

from __future__ import annotations

from typing import Any

import pytest
from paper_sweep import fill, fork_of, report, row_of, take, trials_of, write_sweep

from services import dispatch
from services.domain.errors import StateForbids
from services.domain.retry import Failure
from services.domain.states import TrialState
from services.store import checkpoints, endings, leases, sweep_verbs, trial_verbs
from services.store.leases import Lease
from services.store.models import Checkpoint, Pack, Sweep, Trial
from services.store.reports import Saved
from services.store.session import Session, Store

SAVED = Saved(epoch=1, path="packs/p/1", sha256="ab" * 32, bytes=10)


class Parents:
    """A sweep of four trials of four epochs, in a pack that runs."""

    def __init__(self, store: Store) -> None:
        self.store, self.sweep_id = store, write_sweep(store, train={"epochs": 4})
        self.pack: Pack = fill(store, self.sweep_id)
        self.lease: Lease = take(store, self.pack)

    def report(self, number: int, saved: Saved | None = None) -> None:
        report(self.store, self.lease, number, self.ids, saved=saved)

    def end(self, state: TrialState, **values: Any) -> None:
        """End all trials so."""
        self.store.write(lambda s: endings.end_trials(s, self.lease, self.ids, state, **values))

    @property
    def ids(self) -> list[str]:
        return [trial.id for trial in trials_of(self.store, self.sweep_id)]

    @property
    def saved(self) -> Checkpoint:
        number = trials_of(self.store, self.sweep_id)[0].checkpoint_id
        return self.store.read(lambda session: session.get_one(Checkpoint, number))


@pytest.fixture
def parents(store: Store) -> Parents:
    """On each kind of database."""
    return Parents(store)


@pytest.fixture
def on_sqlite(sqlite_store: Store) -> Parents:
    """On SQLite."""
    return Parents(sqlite_store)


def start(trial: Trial) -> tuple[int | None, int | None, int | None]:
    return trial.start_epoch, trial.start_checkpoint_id, trial.start_row


def test_a_trial_is_forked_from_a_checkpoint_of_its_last_epoch(parents: Parents) -> None:
    parents.report(1, SAVED)
    fork = fork_of(parents.store, parents.ids[2], lr=0.01)
    assert fork.forked_from == parents.ids[2]
    assert start(fork) == (1, parents.saved.id, 2)
    assert (fork.epoch, fork.saved_epoch, fork.saved_row) == (1, 1, 2)
    assert (fork.checkpoint_id, fork.until_epoch, fork.target_epoch) == (parents.saved.id, 4, 4)
    assert (fork.width, fork.row, fork.state, fork.values) == (None, None, "pending", {})
    sweep = row_of(parents.store, Sweep, fork.sweep_id)
    assert (sweep.next_number, sweep.total, sweep.state) == (1, 1, "active")
    assert not row_of(parents.store, Pack, parents.pack.id).save_asked
    pack = fill(parents.store, fork.sweep_id)
    assert (pack.start_epoch, pack.target_epoch, pack.width) == (1, 4, 1)
    lease = take(parents.store, pack)
    [trial] = parents.store.read(lambda s: leases.to_train(s, pack.id)).trials
    assert (trial.checkpoint_id, trial.start_checkpoint_id, trial.saved_row) == (*[parents.saved.id] * 2, 2)
    report(parents.store, lease, 2, [fork.id])
    assert row_of(parents.store, Trial, fork.id).epoch == 2


def test_a_running_trial_is_asked_for_a_checkpoint_and_the_fork_waits(parents: Parents) -> None:
    fork = fork_of(parents.store, parents.ids[1])
    assert start(fork) == (None, None, None)
    assert row_of(parents.store, Pack, parents.pack.id).save_asked
    assert parents.store.write(lambda s: dispatch.fill(s, fork.sweep_id)) is None
    parents.report(1)
    assert parents.store.write(lambda s: leases.fence(s, parents.lease)).save_asked
    parents.report(2, Saved(2, "packs/p/2", "0" * 64, 10))
    assert start(row_of(parents.store, Trial, fork.id)) == (2, parents.saved.id, 1)
    assert not row_of(parents.store, Pack, parents.pack.id).save_asked
    assert fill(parents.store, fork.sweep_id).start_epoch == 2


def test_a_trial_in_its_last_epoch_is_forked_from_what_there_is(on_sqlite: Parents) -> None:
    on_sqlite.report(1, SAVED)
    on_sqlite.report(2)
    assert start(fork_of(on_sqlite.store, on_sqlite.ids[0]))[0] is None
    on_sqlite.report(3)
    assert start(fork_of(on_sqlite.store, on_sqlite.ids[0]))[0] == 1


@pytest.mark.parametrize("state", [TrialState.CANCELLED, TrialState.FAILED, TrialState.PRUNED])
def test_a_trial_that_has_ended_early_is_forked_while_its_checkpoint_is_there(
    on_sqlite: Parents, state: TrialState
) -> None:
    on_sqlite.report(1, SAVED)
    on_sqlite.report(2)
    on_sqlite.end(state, failure={"kind": "diverged"})
    fork = fork_of(on_sqlite.store, on_sqlite.ids[3])
    assert start(fork) == (1, on_sqlite.saved.id, 3)


def forget(parents: Parents) -> None:
    """Have upkeep delete the checkpoint, as of trials that have ended."""
    checkpoint = parents.saved.id
    assert parents.store.write(lambda session: checkpoints.forget(session, checkpoint))


def diverge_at_once(parents: Parents) -> None:
    parents.report(1, SAVED)
    parents.end(TrialState.FAILED, failure={"kind": "diverged"})


def succeed(parents: Parents) -> None:
    for number in range(1, 5):
        parents.report(number, SAVED if number == 1 else None)
    parents.end(TrialState.SUCCEEDED)


def in_the_last_epoch(parents: Parents) -> None:
    for number in range(1, 4):
        parents.report(number)


def cancel_and_forget(parents: Parents) -> None:
    parents.report(1, SAVED)
    parents.end(TrialState.CANCELLED)
    forget(parents)


def lose(parents: Parents) -> None:
    parents.report(1)
    error = {"message": "…"}
    parents.store.write(lambda s: endings.give_up(s, parents.lease, Failure.PREEMPTED, error))


def retry_from_nothing(parents: Parents) -> None:
    parents.end(TrialState.CANCELLED)
    trial = parents.ids[0]
    parents.store.write(lambda session: trial_verbs.retry(session, trial))


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (succeed, "is succeeded: it has trained all of its 4 epochs, so a fork would have none left"),
        (in_the_last_epoch, "is running in its last epoch, 4, and has no earlier checkpoint"),
        (cancel_and_forget, "is cancelled after 1 of 4 epochs, and its checkpoint is gone"),
        (diverge_at_once, "its only checkpoint is of epoch 1, in which it diverged"),
        (lose, "is pending after 1 of 4 epochs and has no checkpoint at present"),
        (retry_from_nothing, "is pending and has not trained; fork it once it has"),
    ],
)
def test_a_trial_without_anything_to_begin_with_is_refused(on_sqlite: Parents, before: Any, why: str) -> None:
    before(on_sqlite)
    with pytest.raises(StateForbids) as refused:
        fork_of(on_sqlite.store, on_sqlite.ids[0])
    assert why in refused.value.detail
    assert on_sqlite.store.read(lambda s: s.query(Sweep).count()) == 1, "nothing is left of it"


def test_a_parents_checkpoint_stays_while_a_fork_may_begin_with_it(parents: Parents) -> None:
    def needless(session: Session) -> list[int]:
        return [each.id for each in checkpoints.needless(session)[0]]

    parents.report(1, SAVED)
    parents.report(2)
    waiting, checkpoint = fork_of(parents.store, parents.ids[1]), parents.saved.id
    parents.end(TrialState.CANCELLED)
    assert parents.store.read(needless) == []
    assert not parents.store.write(lambda s: checkpoints.forget(s, checkpoint)), "one waits"
    begun = fork_of(parents.store, parents.ids[0])
    parents.store.write(lambda session: trial_verbs.cancel(session, waiting.id))
    assert parents.store.read(needless) == [], "one has begun"
    lease = take(parents.store, fill(parents.store, begun.sweep_id))
    report(parents.store, lease, 2, [begun.id], saved=Saved(2, "packs/f/2", "0" * 64, 10))
    assert parents.store.read(needless) == [], "it may have to begin again"
    parents.store.write(lambda s: endings.end_trials(s, lease, [begun.id], TrialState.CANCELLED))
    assert parents.store.read(needless)[0] == checkpoint


def test_a_fork_that_is_retried_begins_again_where_it_was_forked(parents: Parents) -> None:
    store = parents.store
    parents.report(1, SAVED)
    fork = fork_of(store, parents.ids[2])
    lease = take(store, fill(store, fork.sweep_id))
    report(store, lease, 2, [fork.id], saved=Saved(2, "packs/f/2", "0" * 64, 10))
    diverged = {"kind": "diverged"}
    store.write(lambda s: endings.end_trials(s, lease, [fork.id], TrialState.FAILED, failure=diverged))
    store.write(lambda s: trial_verbs.retry(s, fork.id))
    again = row_of(store, Trial, fork.id)
    assert (again.state, again.saved_epoch, again.checkpoint_id) == ("pending", 1, parents.saved.id)
    assert (again.saved_row, again.epoch) == (2, 2)


@pytest.mark.parametrize("verb", ["trial", "sweep"])
def test_a_fork_whose_first_checkpoint_is_gone_cannot_be_retried(on_sqlite: Parents, verb: str) -> None:
    store = on_sqlite.store
    on_sqlite.report(1, SAVED)
    on_sqlite.end(TrialState.CANCELLED)
    fork = fork_of(store, on_sqlite.ids[2])
    store.write(lambda session: sweep_verbs.cancel(session, fork.sweep_id))
    forget(on_sqlite)
    retry: Any = trial_verbs.retry if verb == "trial" else sweep_verbs.retry
    store.write(lambda s: s.get_one(Sweep, fork.sweep_id).__setattr__("state", "cancelled"))
    with pytest.raises(StateForbids, match=f"was forked from trial {on_sqlite.ids[2]} at epoch 1, and"):
        store.write(lambda session: retry(session, fork.id if verb == "trial" else fork.sweep_id))


def test_a_fork_falls_back_to_where_it_began_and_no_further(on_sqlite: Parents) -> None:
    store = on_sqlite.store
    on_sqlite.report(1, SAVED)
    fork = fork_of(store, on_sqlite.ids[2])
    pack = fill(store, fork.sweep_id)
    lease = take(store, pack)
    report(store, lease, 2, [fork.id], saved=Saved(2, "packs/f/2", "0" * 64, 10))
    own = row_of(store, Trial, fork.id).checkpoint_id
    assert store.write(lambda s: checkpoints.fall_back(s, own, pack.id)) == {}
    back = row_of(store, Trial, fork.id)
    assert (back.checkpoint_id, back.saved_epoch, back.saved_row) == (on_sqlite.saved.id, 1, 2)
    lost = store.write(lambda s: checkpoints.fall_back(s, back.checkpoint_id, pack.id))
    assert lost == {fork.id: f"trial {on_sqlite.ids[2]} at epoch 1"}
