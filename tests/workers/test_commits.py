"""workers/commits.py: what reaches SQL of an epoch, a cancel, a damaged checkpoint and an early end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest
from paper_sweep import fill, fork_of, reports_of, row_of, take, trials_of, write_sweep
from scripted_runner import ENGINE
from sqlalchemy import update

from services.domain.errors import Fenced
from services.domain.plan.plan import Segment
from services.domain.retry import Failure
from services.host import HostDevice
from services.settings import Settings
from services.store import early_ends, endings, leases, packs, speeds, sweeps, trial_verbs
from services.store.models import Checkpoint, Pack, Trial
from services.store.session import Store
from workers.claim import Claim
from workers.commits import MAX_FAILURE_CHARS, Committed, PackCommits
from workers.heartbeat import Heartbeat
from workers.main_process import MainProcess
from workers.messages import CheckpointDamaged, EpochDone, FinalResult, Machine, SavedCheckpoint
from workers.run_message import read_leased_pack

DEVICE = HostDevice("host", "cpu:0", "cpu", "slot 0")


class Running:
    """A leased pack of four trials, and its commits."""

    def __init__(self, store: Store, settings: Settings, **changes: Any) -> None:
        self.store, self.settings = store, settings
        self.sweep_id = write_sweep(store, **changes)
        claim = Claim("worker", DEVICE, "token")
        self.heartbeat = Heartbeat(store, settings, claim, MainProcess(), lambda: None, lambda: None)
        self.begin()

    def begin(self) -> None:
        """Lease the sweep's next pack."""
        self.pack = fill(self.store, self.sweep_id)
        lease = take(self.store, self.pack)
        self.heartbeat.keep(lease)
        leased = self.store.read(
            lambda s: read_leased_pack(s, leases.to_train(s, self.pack.id), DEVICE, self.settings)
        )
        self.run, ttl = leased.run, self.settings.lease_ttl
        self.commits = PackCommits(
            self.store, lease, self.heartbeat, ttl, self.run, "shape", rules=leased.rules
        )

    def close(self) -> None:
        """Give back what the heartbeat holds of the system."""
        os.close(self.heartbeat.news_fd)
        os.close(self.heartbeat._news)

    def epoch(self, number: int, rows: tuple[int, ...] = (0, 1, 2, 3)) -> EpochDone:
        """A report of an epoch of these rows."""
        metrics = {row: {"val/acc": row / 10 + number / 100} for row in rows}
        best = {row: (number, metrics[row]["val/acc"]) for row in rows}
        return EpochDone(self.pack.id, number, metrics, best, (), None, {}, 3, 2, 1.0, ENGINE)

    @property
    def trials(self) -> list[Trial]:
        return trials_of(self.store, self.sweep_id)


@pytest.fixture
def running(store: Store, settings: Settings) -> Iterator[Running]:
    """A pack that has begun."""
    made = Running(store, settings)
    yield made
    made.close()


def saved(epoch: int) -> SavedCheckpoint:
    return SavedCheckpoint(epoch, f"packs/p/epoch-{epoch}", "ab" * 32, 10)


@pytest.mark.parametrize(
    ("device", "failure", "noted"),
    [("cuda", Failure.MEMORY, {"k": 4}), ("cpu", Failure.MEMORY, {}), ("cuda", Failure.CRASHED, {})],
)
def test_where_a_gpu_s_memory_was_not_enough_the_width_is_noted(
    sqlite_store: Store, sqlite_settings: Settings, device: str, failure: Failure, noted: dict[str, int]
) -> None:
    running = Running(sqlite_store, sqlite_settings)
    lease, run = running.heartbeat._lease, replace(running.run, device=device)
    assert lease
    commits = PackCommits(sqlite_store, lease, running.heartbeat, 60.0, run, "shape")
    commits.machine(Machine("k", "t", 2, "torch"))
    commits.give_up(failure, "why")
    assert sqlite_store.read(lambda session: speeds.too_wide(session, "shape")) == noted
    running.close()


def test_an_epoch_is_one_report_of_each_row_s_trial(running: Running) -> None:
    running.commits.machine(machine := Machine("k", "t", 2, "torch", memory=2**37))
    assert running.commits.epoch(replace(running.epoch(1), saved=saved(1))) == Committed(False, ())
    for trial in running.trials:
        assert (trial.epoch, trial.saved_epoch, trial.best_epoch) == (1, 1, 1)
        assert trial.best_value == trial.row / 10 + 0.01
        assert [found.metrics for found in reports_of(running.store, trial.id)] == [
            {"val/acc": trial.best_value}
        ]
    pack = row_of(running.store, Pack, running.pack.id)
    assert pack.machine == asdict(machine)
    assert pack.machine["memory"] == 2**37
    assert (pack.busy_ms, pack.work_ms) == (3, 2)
    assert pack.engine == asdict(ENGINE)


def test_the_last_epoch_adds_test_metrics_and_ends_every_trial(running: Running) -> None:
    for number in (1, 2):
        running.commits.epoch(running.epoch(number))
    final = {row: FinalResult(f"best-{row}", {"test/acc": 0.25}) for row in range(4)}
    assert running.commits.epoch(replace(running.epoch(3), final=final)).over
    for trial in running.trials:
        assert (trial.state, trial.best_file) == ("succeeded", f"best-{trial.row}")
        assert reports_of(running.store, trial.id)[-1].metrics.keys() == {"val/acc", "test/acc"}
    assert row_of(running.store, Pack, running.pack.id).outcome == "reached epoch 3"


def test_a_cancelled_trial_s_row_is_dropped(running: Running) -> None:
    cancelled = running.trials[2]
    running.store.write(lambda session: trial_verbs.cancel(session, cancelled.id))
    lease = running.heartbeat._lease
    assert lease is not None
    running.heartbeat._renew(lease)
    assert running.commits.epoch(running.epoch(1)) == Committed(False, (cancelled.row,))
    assert running.trials[2].state == "cancelled"
    rest = tuple(row for row in range(4) if row != cancelled.row)
    assert running.commits.epoch(running.epoch(2, rest)) == Committed(False, ())
    running.commits.give_up(Failure.PREEMPTED, "stopped", saved(2))
    assert {trial.row: trial.saved_epoch for trial in running.trials} == {
        row: 2 if row in rest else 0 for row in range(4)
    }


def test_an_early_end_keeps_what_was_saved_last_and_a_short_clean_reason(running: Running) -> None:
    running.commits.epoch(running.epoch(1))
    running.commits.give_up(Failure.CRASHED, "\0" + "x" * 5000, saved(1))
    trial = running.trials[0]
    assert (trial.state, trial.saved_epoch) == ("pending", 1)
    assert trial.failure == {"kind": "crashed", "message": "x" * MAX_FAILURE_CHARS, "pack": running.pack.id}


def test_a_damaged_checkpoint_sends_trials_to_the_one_before(running: Running) -> None:
    for number in (1, 2):
        running.commits.epoch(replace(running.epoch(number), saved=saved(number)))
    running.commits.give_up(Failure.PREEMPTED, "stopped")
    running.begin()
    newest = running.trials[0].checkpoint_id
    assert newest is not None
    running.commits.fall_back(CheckpointDamaged(running.pack.id, newest, "it is gone"))
    assert {(trial.state, trial.saved_epoch) for trial in running.trials} == {("pending", 1)}
    assert running.store.read(lambda session: session.get_one(Checkpoint, newest)).damaged
    assert row_of(running.store, Pack, running.pack.id).outcome == "damaged: it is gone"


def test_an_overdue_lease_is_renewed_before_anything_is_written(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = row_of(running.store, Pack, running.pack.id).expires_at
    running.commits.epoch(running.epoch(1))
    assert row_of(running.store, Pack, running.pack.id).expires_at == before
    monkeypatch.setattr(running.heartbeat, "overdue", lambda: True)
    running.commits._ttl = 1000.0
    running.commits.epoch(running.epoch(2))
    assert row_of(running.store, Pack, running.pack.id).expires_at > before


def test_nothing_is_written_once_the_lease_is_lost(running: Running) -> None:
    error = {"message": "…"}
    lease = running.heartbeat._lease
    assert lease is not None
    running.store.write(lambda session: endings.give_up(session, lease, Failure.PREEMPTED, error))
    for work in (
        lambda: running.commits.machine(Machine("k", "t", 2, "torch")),
        lambda: running.commits.epoch(running.epoch(1)),
        lambda: running.commits.give_up(Failure.CRASHED, "…", saved(1)),
    ):
        with pytest.raises(Fenced):
            work()
    assert {(trial.epoch, trial.saved_epoch) for trial in running.trials} == {(0, 0)}


def test_at_a_rung_trials_wait_and_the_pack_is_over(store: Store, settings: Settings) -> None:
    running = Running(store, settings, train={"epochs": 4}, stop={"name": "halving", "eta": 2, "first": 2})
    assert (running.pack.target_epoch, running.run.ends) == (2, False)
    running.commits.epoch(running.epoch(1))
    assert running.commits.epoch(replace(running.epoch(2), saved=saved(2))).over
    for trial in running.trials:
        assert (trial.state, trial.pack_id, trial.finished_at) == ("held", None, None)
        assert (trial.epoch, trial.saved_epoch, trial.saved_row) == (2, 2, trial.row)
    pack = row_of(store, Pack, running.pack.id)
    assert (pack.state, pack.outcome) == ("closed", "reached epoch 2")
    assert (pack.live_rows, pack.trained_rows) == (8, 2 * pack.width)
    running.close()


def test_a_cancel_that_comes_with_the_rung_is_not_lost(store: Store, settings: Settings) -> None:
    running = Running(store, settings, train={"epochs": 4}, stop={"name": "halving", "eta": 2})
    store.write(lambda session: trial_verbs.cancel(session, running.trials[2].id))
    assert running.commits.epoch(replace(running.epoch(1), saved=saved(1))).over
    assert [trial.state for trial in running.trials] == ["held", "held", "cancelled", "held"]
    running.close()


def test_a_trial_that_does_not_improve_is_pruned_and_its_row_is_dropped(
    store: Store, settings: Settings
) -> None:
    running = Running(store, settings, train={"epochs": 9}, stop={"name": "plateau", "patience": 2})
    for number in (1, 2, 3):
        done = running.epoch(number)
        best = done.best | {1: (1, 0.11)}
        committed = running.commits.epoch(replace(done, best=best))
        assert committed == Committed(False, (1,) if number == 3 else ())
    pruned = running.trials[1]
    assert (pruned.state, pruned.epoch, pruned.best_epoch) == ("pruned", 3, 1)
    reason = "no better value than that of epoch 1 in 2 epochs"
    assert pruned.stopped == {"rule": "plateau", "reason": reason}
    running.close()


def test_with_half_of_its_rows_pruned_a_pack_is_sparse_and_the_others_get_new_places(
    store: Store, settings: Settings
) -> None:
    running = Running(store, settings, train={"epochs": 9}, stop={"name": "plateau", "patience": 1})
    running.commits.epoch(running.epoch(1))
    done = running.epoch(2)
    committed = running.commits.epoch(replace(done, best=done.best | {0: (1, 0.1), 3: (1, 0.1)}))
    assert committed == Committed(False, (0, 3), sparse=True)
    running.commits.give_up(Failure.PREEMPTED, "gathered anew", saved(2), regather=True)
    left = [trial for trial in running.trials if trial.state == "pending"]
    assert [(t.row, t.width, t.saved_epoch, t.saved_row) for t in left] == [
        (None, None, 2, 1),
        (None, None, 2, 2),
    ]
    pack = fill(store, running.sweep_id)
    assert (pack.width, pack.start_epoch) == (2, 2)
    moved = store.read(lambda session: packs.segments(session, left[0].id, 2))
    assert moved == [Segment(until=2, width=4, row=1)]
    take(store, pack)
    moved = store.read(lambda session: packs.segments(session, left[0].id, 9))
    assert moved == [Segment(until=2, width=4, row=1), Segment(until=9, width=2, row=0)]
    running.close()


def test_a_sweep_that_a_rule_has_ended_prunes_what_trains(store: Store, settings: Settings) -> None:
    running = Running(store, settings, stop={"name": "target", "value": 0.3})
    store.write(lambda s: early_ends.end(s, sweeps.lock(s, running.sweep_id), "target", "reached"))
    lease = running.heartbeat._lease
    assert lease is not None
    running.heartbeat._renew(lease)
    assert running.commits.epoch(running.epoch(1)) == Committed(True, (0, 1, 2, 3))
    assert {(t.state, str(t.stopped)) for t in running.trials} == {
        ("pruned", "{'rule': 'target', 'reason': 'reached'}")
    }
    running.close()


def test_the_ways_of_the_first_pack_are_those_of_the_next(running: Running) -> None:
    machine = Machine("NVIDIA H200", "t", 2, "torch")
    assert running.commits.chosen_ways(machine) == {}
    assert running.commits.settle_ways({"conv1": "columns"}, machine) == {"conv1": "columns"}
    assert running.commits.settle_ways({"conv1": "grouped"}, machine) == {"conv1": "columns"}
    assert running.commits.chosen_ways(machine) == {"conv1": "columns"}
    assert running.commits.chosen_ways(replace(machine, kind="NVIDIA H100")) == {}
    pack = row_of(running.store, Pack, running.pack.id)
    assert pack.machine == asdict(replace(machine, ways={"conv1": "columns"}))


def test_ways_are_settled_behind_the_fence(running: Running) -> None:
    running.store.write(lambda s: s.execute(update(Pack).values(token="another")))
    machine = Machine("NVIDIA H200", "t", 2, "torch")
    with pytest.raises(Fenced):
        running.commits.settle_ways({"conv1": "columns"}, machine)
    assert running.commits.chosen_ways(machine) == {}


def test_a_fork_asks_for_the_checkpoint_of_the_epoch_that_ends_next(running: Running) -> None:
    fork = fork_of(running.store, running.trials[1].id)
    assert running.commits.epoch(running.epoch(1)) == Committed(False, (), save=True)
    assert row_of(running.store, Trial, fork.id).start_epoch is None
    running.commits.checkpoint(saved(1))
    begun = row_of(running.store, Trial, fork.id)
    assert (begun.start_epoch, begun.start_row) == (1, 1)
    assert {trial.saved_epoch for trial in running.trials} == {1}
    assert running.commits.epoch(running.epoch(2)) == Committed(False, ())


def test_an_epoch_that_is_saved_anyway_is_not_asked_for_again(running: Running) -> None:
    fork = fork_of(running.store, running.trials[1].id)
    assert running.commits.epoch(replace(running.epoch(1), saved=saved(1))) == Committed(False, ())
    assert row_of(running.store, Trial, fork.id).start_epoch == 1


def test_a_fork_fails_where_the_checkpoint_that_it_begins_with_is_damaged(running: Running) -> None:
    running.commits.epoch(replace(running.epoch(1), saved=saved(1)))
    parent = running.trials[1]
    fork = fork_of(running.store, parent.id)
    running.commits.give_up(Failure.PREEMPTED, "stopped")
    running.sweep_id = fork.sweep_id
    running.begin()
    assert fork.checkpoint_id is not None
    running.commits.fall_back(CheckpointDamaged(running.pack.id, fork.checkpoint_id, "it is gone"))
    [trial] = running.trials
    assert trial.state == "failed"
    assert trial.failure is not None
    assert trial.failure["message"] == (
        f"it is gone: it held trial {parent.id} at epoch 1, from which this trial was forked; "
        "fork that trial again"
    )
    assert row_of(running.store, Pack, running.pack.id).outcome == "damaged: it is gone"
