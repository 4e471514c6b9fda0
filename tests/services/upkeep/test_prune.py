"""Prune: files that no trial needs go, those that one goes on from stay."""

from __future__ import annotations

from pathlib import Path

import pytest
from module_clock import set_clock
from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import select, update

from services.domain.retry import Failure
from services.domain.states import TrialState
from services.settings import Settings
from services.store import checkpoints, endings, workers
from services.store.models import Checkpoint
from services.store.reports import Saved
from services.store.session import Store
from services.store.workers import Worker
from services.upkeep import prune as prune_module
from services.upkeep.prune import WORKERS_KEPT, Prune


def write(settings: Settings, pack: str, epoch: int) -> Saved:
    """Write a checkpoint file."""
    path = settings.files / pack / str(epoch)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    return Saved(epoch, f"{pack}/{epoch}", "0" * 64, 7)


def test_old_checkpoints_go_while_a_pack_trains_and_the_rest_when_it_has_ended(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    store, settings = sqlite_store, sqlite_settings
    prune = Prune(store, settings)
    held = take(store, fill(store, sweep_id := write_sweep(store)))
    ids = [trial.id for trial in trials_of(store, sweep_id)]

    def files() -> list[str]:
        return sorted(path.name for path in (settings.files / held.pack_id).iterdir())

    for number in (1, 2, 3):
        report(store, held, number, ids, saved=write(settings, held.pack_id, number))
    assert prune.round() == 1
    assert files() == ["2", "3"]
    for trial_id in ids:
        store.write(lambda s, i=trial_id: endings.end_trial(s, held, i, TrialState.SUCCEEDED))  # type: ignore[misc]
    assert prune.round() == 1
    assert files() == ["3"], "the last one is kept for some days"
    assert Prune(store, settings.model_copy(update={"checkpoints_kept": 0.0})).round() == 1
    assert files() == []
    assert prune.round() == 0
    sizes = store.read(lambda session: session.scalars(select(Checkpoint.bytes)).all())
    assert list(sizes) == [0, 0, 0]


def test_a_file_that_is_gone_already_stops_nothing(sqlite_store: Store, sqlite_settings: Settings) -> None:
    store, settings = sqlite_store, sqlite_settings
    prune = Prune(store, settings)
    held = take(store, fill(store, sweep_id := write_sweep(store)))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    for number in (1, 2, 3):
        report(store, held, number, ids, saved=write(settings, held.pack_id, number))
    Path(settings.files / held.pack_id / "1").unlink()
    assert prune.round() == 1


def test_a_round_looks_at_some_files_and_the_next_one_at_the_next(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "MAX_FILES", 2)
    store, settings = sqlite_store, sqlite_settings
    held = take(store, fill(store, sweep_id := write_sweep(store)))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    for number in (1, 2, 3):
        report(store, held, number, ids, saved=write(settings, held.pack_id, number))
    prune = Prune(store, settings)
    assert [prune.round() for _ in range(3)] == [1, 0, 0]  # 1 goes; 3; from the beginning: 2, 3
    store.write(lambda session: endings.give_up(session, held, Failure.SPEC, {"kind": "spec"}))
    assert [prune.round() for _ in range(3)] == [0, 2, 0]


def test_workers_long_gone_are_forgotten(sqlite_store: Store, sqlite_settings: Settings) -> None:
    for name in ("gone", "here"):
        sqlite_store.write(lambda s, n=name: workers.say(s, n, "host", 1, "idle"))  # type: ignore[misc]
    gone = sqlite_store.now() - (WORKERS_KEPT + 1) * 1000
    sqlite_store.write(lambda s: s.execute(update(Worker).where(Worker.id == "gone").values(seen=gone)))
    Prune(sqlite_store, sqlite_settings).round()
    assert list(sqlite_store.read(lambda s: s.scalars(select(Worker.id)).all())) == ["here"]


def test_a_pass_begins_so_many_seconds_after_the_last_one_and_is_not_interrupted(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    now: list[float] = [100.0]
    looks: list[tuple[float, int]] = []
    set_clock(monkeypatch, prune_module, monotonic=lambda: now[0])
    places = iter([7, 9, 0, 0])  # where each look ends: the first pass takes three

    def needless(_: object, after: int, **__: object) -> tuple[list[Checkpoint], int]:
        looks.append((now[0], after))
        return [], next(places)

    monkeypatch.setattr(checkpoints, "needless", needless)
    prune = Prune(sqlite_store, sqlite_settings)
    for seconds in 0, 2, 4, 6, prune_module.PERIOD - 0.1, prune_module.PERIOD, prune_module.PERIOD + 1:
        now[0] = 100.0 + seconds
        prune.turn()
    assert looks == [(100.0, 0), (102.0, 7), (104.0, 9), (100.0 + prune_module.PERIOD, 0)]
