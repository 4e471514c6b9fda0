"""workers/run_message.py: what a leased pack's `Run` carries, read from a real database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from paper_sweep import fill, fork_of, report, take, trials_of, write_sweep
from sqlalchemy import update

from services.domain.errors import ServiceError
from services.domain.retry import Failure
from services.host import HostDevice
from services.settings import Settings
from services.store import endings, leases
from services.store.models import Pack, Trial
from services.store.reports import Saved
from services.store.session import Store
from workers.messages import RowCheckpoint, decode, encode
from workers.run_message import LeasedPack, read_leased_pack

SLOT = HostDevice("host", "cpu:0", "cpu", "slot 0")
GPU = HostDevice("host", "GPU-1", "cuda", "H200")
SAVED = Saved(epoch=1, path="packs/p/epoch-00001.safetensors", sha256="ab" * 32, bytes=10)


def read(store: Store, settings: Settings, pack: Pack, device: HostDevice = SLOT) -> LeasedPack:
    return store.read(
        lambda session: read_leased_pack(session, leases.to_train(session, pack.id), device, settings)
    )


def test_a_fresh_pack(store: Store, settings: Settings) -> None:
    sweep_id = write_sweep(store)
    pack = fill(store, sweep_id)
    leased = read(store, settings, pack)
    run, trials = leased.run, trials_of(store, sweep_id)
    assert leased.sweep_id == sweep_id
    assert (run.pack, run.device, run.width) == (pack.id, "cpu", pack.width)
    assert (run.start_epoch, run.target_epoch, run.measure) == (0, 3, False)
    assert (run.metric, run.goal) == ("val/acc", "maximize")
    assert (run.files, run.checkpoint_every) == (str(settings.files), settings.checkpoint_every)
    assert [(row.row, row.trial, row.seed) for row in run.rows] == [(t.row, t.id, t.seed) for t in trials]
    assert sorted(run.varied) == ["model.dropout", "train.optimizer"]
    assert len({str(row.config) for row in run.rows}) == len(trials)
    assert {row.checkpoint for row in run.rows} == {None}
    assert decode(encode(run)) == run
    assert read(store, settings, pack, GPU).run.device == "cuda"


@pytest.mark.parametrize(
    ("changes", "compares"),
    [
        ({}, False),
        ({"stop": "plateau"}, False),
        ({"stop": {"name": "halving", "eta": 2}}, True),
        ({"seeds": 4, "race": True}, True),
    ],
)
def test_a_pack_says_whether_its_end_may_be_what_a_decision_waits_for(
    sqlite_store: Store, sqlite_settings: Settings, changes: dict[str, Any], compares: bool
) -> None:
    sweep_id = write_sweep(sqlite_store, **changes)
    assert read(sqlite_store, sqlite_settings, fill(sqlite_store, sweep_id)).compares is compares


def test_a_pack_that_goes_on_names_each_row_s_checkpoint(store: Store, settings: Settings) -> None:
    sweep_id = write_sweep(store)
    lease = take(store, fill(store, sweep_id))
    report(store, lease, 1, [trial.id for trial in trials_of(store, sweep_id)], saved=SAVED)
    error = {"message": "stopped"}
    store.write(lambda session: endings.give_up(session, lease, Failure.PREEMPTED, error))
    run = read(store, settings, fill(store, sweep_id)).run
    assert run.start_epoch == 1
    number = trials_of(store, sweep_id)[0].checkpoint_id
    assert number is not None
    found = {row.row: row.checkpoint for row in run.rows}
    assert found == {row: RowCheckpoint(number, SAVED.path, SAVED.sha256, row) for row in found}


def test_trials_at_different_epochs_are_refused(sqlite_store: Store, sqlite_settings: Settings) -> None:
    sweep_id = write_sweep(sqlite_store)
    pack = fill(sqlite_store, sweep_id)
    odd = trials_of(sqlite_store, sweep_id)[2].id
    moved = update(Trial).where(Trial.id == odd).values(epoch=2, saved_epoch=2)
    sqlite_store.write(lambda session: session.execute(moved))
    with pytest.raises(ServiceError, match=rf"must go on from epoch 0, but these .*: {{'{odd}': 2}}"):
        read(sqlite_store, sqlite_settings, pack)


def test_a_fork_names_its_parent_s_row_and_that_it_is_the_parent_s(store: Store, settings: Settings) -> None:
    sweep_id = write_sweep(store)
    lease = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, lease, 1, ids, saved=SAVED)
    fork = fork_of(store, ids[2])
    pack = fill(store, fork.sweep_id)
    run = read(store, settings, pack).run
    assert (run.start_epoch, run.target_epoch, run.ends, run.width) == (1, 3, True, 1)
    assert fork.checkpoint_id is not None
    [row] = run.rows
    assert row.checkpoint == RowCheckpoint(fork.checkpoint_id, SAVED.path, SAVED.sha256, 2, inherited=True)
    parent = trials_of(store, sweep_id)[2]
    assert (row.seed, row.replicate) == (parent.seed, parent.replicate)
    own = take(store, pack)
    report(store, own, 2, [fork.id], saved=replace(SAVED, epoch=2))
    store.write(lambda session: endings.give_up(session, own, Failure.PREEMPTED, {"message": "stopped"}))
    [row] = read(store, settings, fill(store, fork.sweep_id)).run.rows
    assert row.checkpoint is not None
    assert not row.checkpoint.inherited
