"""Stale files: what no row names goes after its time, what a worker may still need stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from module_clock import set_clock
from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import update

from services.domain.states import TrialState
from services.settings import Settings
from services.store import endings, sweeps
from services.store.leases import Lease
from services.store.models import Sweep, Trial
from services.store.reports import Saved
from services.store.session import Store
from services.upkeep import stale_files
from services.upkeep.stale_files import StaleFiles

LONG_AGO = 40 * 24 * 3600.0  # seconds


def add(settings: Settings, name: str, data: bytes = b"weights", age: float = LONG_AGO) -> Path:
    """Write a file that was last changed so many seconds ago."""
    path = settings.files / "packs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    for each in (path, path.parent):
        os.utime(each, (time.time() - age,) * 2)
    return path


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """A database whose first sweep is older than every file."""
    write_sweep(sqlite_store)
    sqlite_store.write(lambda s: s.execute(update(Sweep).values(created_at=1)))
    return sqlite_store


@pytest.fixture
def held(store: Store) -> Lease:
    """The lease of a pack that trains."""
    return take(store, fill(store, write_sweep(store)))


def end(store: Store, held: Lease) -> None:
    """End the pack and all its trials."""
    sweep_id = next(s.id for s in store.read(lambda s: sweeps.newest(s, 1)))
    for trial in trials_of(store, sweep_id):
        best = f"packs/{held.pack_id}/best-{trial.id}.safetensors"
        store.write(
            lambda s, i=trial.id, b=best: endings.end_trial(s, held, i, TrialState.SUCCEEDED, best_file=b)  # type: ignore[misc]
        )
    store.write(lambda s: endings.close(s, held, "done"))
    store.write(lambda s: sweeps.settle(s, sweep_id))


def kinds(store: Store, settings: Settings) -> list[tuple[str, str]]:
    """What is stale."""
    return sorted(
        (each.kind, each.path.name) for batch in stale_files.find(store, settings) for each in batch
    )


def test_nothing_of_a_pack_that_trains_is_stale(store: Store, held: Lease, sqlite_settings: Settings) -> None:
    add(sqlite_settings, f"{held.pack_id}/log.txt", b"")
    file = add(sqlite_settings, f"{held.pack_id}/epoch-00001.safetensors", age=0)
    assert kinds(store, sqlite_settings) == []
    # The worker has just written it and commits its row now.
    [sweep, *_] = store.read(lambda s: sweeps.newest(s, 1))
    ids = [trial.id for trial in trials_of(store, sweep.id)]
    report(store, held, 1, ids, saved=Saved(1, f"packs/{held.pack_id}/{file.name}", "0" * 64, 7))
    end(store, held)
    os.utime(file, (1, 1))
    assert ("checkpoints without a row", file.name) not in kinds(store, sqlite_settings)


def test_each_kind_goes_after_its_own_time(store: Store, held: Lease, sqlite_settings: Settings) -> None:
    settings, pack = sqlite_settings, held.pack_id
    end(store, held)
    add(settings, f"{pack}/log.txt", b"", age=stale_files.EMPTY_KEPT + 60)
    for name in ("epoch-00001.safetensors", "best-nobody.safetensors", "epoch-00002.tmp"):
        add(settings, f"{pack}/{name}")
    add(settings, f"{pack}/epoch-00003.safetensors", age=3600.0)  # its day is not over
    add(settings, f"{pack}/notes.md")  # a user's
    assert kinds(store, settings) == [
        ("best weights without a trial", "best-nobody.safetensors"),
        ("checkpoints without a row", "epoch-00001.safetensors"),
        ("logs", "log.txt"),
        ("unfinished files", "epoch-00002.tmp"),
    ]


def test_best_weights_of_a_trial_stay(store: Store, held: Lease, sqlite_settings: Settings) -> None:
    end(store, held)
    [sweep, *_] = store.read(lambda s: sweeps.newest(s, 1))
    [first, second, *_] = trials_of(store, sweep.id)
    for trial in (first, second):
        add(sqlite_settings, f"{held.pack_id}/best-{trial.id}.safetensors")
    # The second was tried again elsewhere.
    elsewhere = update(Trial).where(Trial.id == second.id).values(best_file="packs/other/best.safetensors")
    store.write(lambda s: s.execute(elsewhere))
    assert [name for _, name in kinds(store, sqlite_settings)] == [f"best-{second.id}.safetensors"]


def test_a_log_is_kept_some_days_after_its_sweep(
    store: Store, held: Lease, sqlite_settings: Settings
) -> None:
    add(sqlite_settings, f"{held.pack_id}/log.txt", b"a trace")
    end(store, held)
    assert kinds(store, sqlite_settings) == []
    assert kinds(store, sqlite_settings.model_copy(update={"logs_kept": 0.0})) == [("logs", "log.txt")]


def test_a_folder_without_a_pack_goes_unless_another_database_may_know_it(
    store: Store, sqlite_settings: Settings
) -> None:
    add(sqlite_settings, "gone/best-x.safetensors")
    assert kinds(store, sqlite_settings) == [("best weights without a trial", "best-x.safetensors")]
    store.write(lambda s: s.execute(update(Sweep).values(created_at=int(time.time() * 1000))))
    assert kinds(store, sqlite_settings) == []


def test_one_that_cannot_be_deleted_does_not_stop_the_rest(
    store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = add(sqlite_settings, "gone/best-a.safetensors")
    other = add(sqlite_settings, "gone/best-b.safetensors")
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == stuck:
            raise PermissionError(1, "Operation not permitted")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    assert StaleFiles(store, sqlite_settings).round() == 1
    assert stuck.exists()
    assert not other.exists()


def test_a_pass_goes_some_folders_a_round_and_the_next_begins_an_hour_later(
    store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stale_files, "FOLDERS_PER_ROUND", 1)
    for name in ("a", "b"):
        (sqlite_settings.files / "packs" / name).mkdir(parents=True)
        os.utime(sqlite_settings.files / "packs" / name, (time.time() - LONG_AGO,) * 2)
    chore = StaleFiles(store, sqlite_settings)
    assert [chore.round(), chore.round(), chore.round()] == [1, 1, 0]
    add(sqlite_settings, "c/best-x.safetensors")
    assert chore.round() == 0
    clock = time.monotonic() + stale_files.PERIOD
    set_clock(monkeypatch, stale_files, monotonic=lambda: clock)
    assert chore.round() == 1
