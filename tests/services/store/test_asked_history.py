"""Histories kept between asks: the same as those read afresh, whatever old trials have done meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from paper_sweep import fill, report, take, trials_of, write_sweep

from services import dispatch
from services.domain.asking.history import History
from services.domain.states import TrialState
from services.store import (
    asked,
    asked_history,
    endings,
    point_outcomes,
    rungs,
    sweep_verbs,
    sweeps,
    trial_verbs,
)
from services.store.models import Pack, Trial
from services.store.reports import Saved
from services.store.session import Session, Store

SPACE = {"model.dropout": {"uniform": [0, 0.9]}, "train.optimizer.lr": {"log_uniform": [1e-4, 1]}}
HALVING: dict[str, Any] = {
    "space": SPACE,
    "search": "tpe",
    "max_trials": 60,
    "seed": 3,
    "train": {"epochs": 4},
    "stop": {"name": "halving", "eta": 2, "first": 1},
}


def value(trial: Trial) -> float:
    return 1 - float((trial.values["model.dropout"] - 0.4) ** 2)


def end(store: Store, pack: Pack, failing: frozenset[int] = frozenset()) -> None:
    """Train a pack to its rung or to its end; its values rise from one rung to the next."""
    held, epoch = take(store, pack), pack.target_epoch
    mine = [trial for trial in trials_of(store, pack.sweep_id) if trial.pack_id == pack.id]
    ids = [trial.id for trial in mine]
    for number in range(pack.start_epoch + 1, epoch + 1):
        saved = Saved(number, f"packs/{pack.id}/{number}", "0" * 64, 10) if number == epoch else None
        report(store, held, number, ids, {each: {"val/acc": 0.5} for each in ids}, saved)

    def write(session: Session) -> None:
        for trial in mine:
            row = session.get_one(Trial, trial.id)
            row.best_value = row.last_value = value(trial) + epoch
            state = TrialState.SUCCEEDED if epoch == trial.target_epoch else TrialState.HELD
            state = TrialState.FAILED if trial.number in failing else state
            failure = {"kind": "diverged", "message": "no"} if trial.number in failing else None
            session.flush()
            endings.end_trials(session, held, [trial.id], state, failure=failure)
        endings.close(session, held, "done")

    store.write(write)


def advance(store: Store, sweep_id: str, packs: int, failing: frozenset[int] = frozenset()) -> None:
    """Train so many packs, one after the other, and decide at the rungs."""
    for _ in range(packs):
        end(store, fill(store, sweep_id), failing)
        rungs.decide_all(store, sweep_id)


def shown(history: History) -> list[Any]:
    """All that a history holds of results."""
    levels = sorted(history._levels.items())
    return [
        sorted(history.keys),
        [(epochs, level.known, level.all()) for epochs, level in levels if len(level)],
    ]


def read(store: Store, sweep_id: str) -> list[Any]:
    return store.write(lambda session: shown(asked_history.of_sweep(session, sweeps.get(session, sweep_id))))


def read_afresh(store: Store, sweep_id: str) -> list[Any]:
    """As another process reads it that has never asked."""
    other = Store(store.engine.url.render_as_string(hide_password=False))
    try:
        return read(other, sweep_id)
    finally:
        other.close()


def first(store: Store, sweep_id: str, state: TrialState) -> str:
    return next(trial.id for trial in trials_of(store, sweep_id) if trial.state == state)


def retry_failed(store: Store, sweep_id: str) -> None:
    trial = first(store, sweep_id, TrialState.FAILED)
    store.write(lambda session: trial_verbs.retry(session, trial))
    assert read(store, sweep_id) == read_afresh(store, sweep_id), "while it waits"
    advance(store, sweep_id, 3)


def retry_pruned(store: Store, sweep_id: str) -> None:
    trial = first(store, sweep_id, TrialState.PRUNED)
    store.write(lambda session: trial_verbs.retry(session, trial))
    advance(store, sweep_id, 4)


def cancel_waiting(store: Store, sweep_id: str) -> None:
    pack = fill(store, sweep_id)
    trial = first(store, sweep_id, TrialState.QUEUED)
    store.write(lambda session: trial_verbs.cancel(session, trial))
    end(store, pack)


def pause_and_resume(store: Store, sweep_id: str) -> None:
    store.write(lambda session: sweep_verbs.pause(session, sweep_id))
    store.write(lambda session: sweep_verbs.resume(session, sweep_id))
    advance(store, sweep_id, 1)


def cancel_and_retry_all(store: Store, sweep_id: str) -> None:
    store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    store.write(lambda session: sweeps.settle(session, sweep_id))
    store.write(lambda session: sweep_verbs.retry(session, sweep_id))
    advance(store, sweep_id, 3)


@pytest.mark.parametrize(
    "change", [retry_failed, retry_pruned, cancel_waiting, pause_and_resume, cancel_and_retry_all]
)
def test_what_is_kept_is_what_another_process_reads(
    sqlite_store: Store, change: Callable[[Store, str], None]
) -> None:
    sweep_id = write_sweep(sqlite_store, **HALVING)
    advance(sqlite_store, sweep_id, 4, failing=frozenset({2}))
    before = read(sqlite_store, sweep_id)
    assert before == read(sqlite_store, sweep_id) == read_afresh(sqlite_store, sweep_id)
    change(sqlite_store, sweep_id)
    after = read(sqlite_store, sweep_id)
    assert after != before
    assert after == read_afresh(sqlite_store, sweep_id)


def test_a_point_that_goes_on_keeps_its_value_at_the_rung(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, **HALVING)
    advance(sqlite_store, sweep_id, 6)
    _, levels = read(sqlite_store, sweep_id)
    counts = {epochs: known for epochs, known, _ in levels}
    trials = trials_of(sqlite_store, sweep_id)
    assert counts[1] == sum(trial.epoch >= 1 for trial in trials)
    assert counts[2] == sum(trial.epoch >= 2 for trial in trials) < counts[1]
    at_first = next(each for epochs, _, each in levels if epochs == 1)
    assert all(-2 < each <= -1 for each in at_first.values), "each has its value after one epoch"


def test_only_what_may_have_changed_is_read_again(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, **HALVING)
    advance(sqlite_store, sweep_id, 5)
    read(sqlite_store, sweep_id)
    rows: list[int] = []
    honest = point_outcomes.PointOutcomes.refresh

    def count(self: point_outcomes.PointOutcomes, session: Session) -> list[int]:
        rows.append(len(found := honest(self, session)))
        return found

    unfinished = sum(trial.finished_at is None for trial in trials_of(sqlite_store, sweep_id))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(point_outcomes.PointOutcomes, "refresh", count)
        read(sqlite_store, sweep_id)
    assert rows[0] <= unfinished + 4, "those of the cohorts that go on"


def test_a_transaction_that_is_rolled_back_leaves_nothing_behind(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, **HALVING)
    advance(sqlite_store, sweep_id, 3)
    before = read(sqlite_store, sweep_id)

    def ask_and_fail(session: Session) -> None:
        sweep = sweeps.lock(session, sweep_id)
        assert asked.draw(session, sweep, 4)
        assert shown(asked_history.of_sweep(session, sweep)) != before
        raise KeyError

    with pytest.raises(KeyError):
        sqlite_store.write(ask_and_fail)
    assert read(sqlite_store, sweep_id) == before
    assert sqlite_store.write(lambda session: dispatch.fill(session, sweep_id))
    assert read(sqlite_store, sweep_id) == read_afresh(sqlite_store, sweep_id)


def test_two_processes_that_ask_in_turn_get_the_points_of_one(store: Store) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    other = Store(url)
    alone, shared = (write_sweep(store, **HALVING) for _ in range(2))
    for turn in range(5):
        advance(store, alone, 1)
        advance(other if turn % 3 else store, shared, 1)
    assert read(store, shared) == read(other, shared) == read_afresh(store, shared)
    other.close()
    assert [trial.values for trial in trials_of(store, alone)] == [
        trial.values for trial in trials_of(store, shared)
    ]


def test_results_of_a_sweep_elsewhere_are_read_again_when_there_are_others(sqlite_store: Store) -> None:
    earlier = write_sweep(sqlite_store, **HALVING)
    advance(sqlite_store, earlier, 2)
    sweep_id = write_sweep(sqlite_store, **HALVING | {"warm_start": [earlier], "seed": 4})
    advance(sqlite_store, sweep_id, 1)
    before = read(sqlite_store, sweep_id)
    advance(sqlite_store, earlier, 2)
    after = read(sqlite_store, sweep_id)
    assert after[0] == before[0]
    assert after != before
    assert after == read_afresh(sqlite_store, sweep_id)


def test_no_more_points_are_kept_than_the_bound(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = asked_history.KeptHistories()
    sweep_ids = [write_sweep(sqlite_store, **HALVING) for _ in range(3)]

    def used(session: Session, sweep_id: str) -> asked_history.KeptHistory:
        made = asked_history.KeptHistory(session, sweeps.get(session, sweep_id))
        made.refresh(session, sweeps.get(session, sweep_id))
        return made

    for sweep_id in sweep_ids:
        end(sqlite_store, fill(sqlite_store, sweep_id))
    each = len(trials_of(sqlite_store, sweep_ids[0]))
    monkeypatch.setattr(asked_history, "MAX_POINTS_KEPT", 2 * each)
    for sweep_id in sweep_ids:
        kept.give({sweep_id: sqlite_store.read(lambda session, key=sweep_id: used(session, key))})  # type: ignore[misc]
    assert [kept.take(sweep_id) is not None for sweep_id in sweep_ids] == [False, True, True]
