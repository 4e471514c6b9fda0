"""A standing is kept until something of it changes, whoever changes it, and never longer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import event, func, select, update

from services.domain.retry import Failure
from services.domain.states import TrialState
from services.store import endings, events, reports, standings, sweep_verbs, sweeps, trial_verbs
from services.store.leases import Lease
from services.store.models import Event, MirrorTrial, Sweep, Trial
from services.store.reports import Epoch
from services.store.session import Session, Store
from services.store.standings import Standing, Standings
from services.store.tx import current_tx

Change = Callable[[Store, str, Lease], object]


def standing(store: Store, sweep_id: str) -> Standing:
    return store.read(lambda session: standings.of(session, [sweeps.get(session, sweep_id)])[sweep_id])


def read_anew(store: Store, sweep_id: str) -> Standing:
    return store.read(lambda s: Standings().of(s, [sweeps.get(s, sweep_id)])[sweep_id])


def contents(found: Standing) -> tuple[object, ...]:
    return found.counts, found.epochs, found.best


def trained(store: Store) -> tuple[str, Lease]:
    """A sweep whose four trials have finished two epochs, with values."""
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    for number in (1, 2):
        commit(store, sweep_id, held, number, number / 10)
    return sweep_id, held


def commit(store: Store, sweep_id: str, held: Lease, number: int, value: float, busy_ms: int = 10) -> None:
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    metrics = {trial_id: {"val/acc": value + place / 100} for place, trial_id in enumerate(ids)}
    best = {trial_id: (number, found["val/acc"]) for trial_id, found in metrics.items()}
    epoch = Epoch(number, metrics, best, None, busy_ms=busy_ms, work_ms=busy_ms)
    store.write(lambda session: reports.commit(session, held, epoch))


def repeat_an_epoch(store: Store, sweep_id: str, held: Lease) -> None:
    """The epoch has been reported before, so there is no event; it was too short for a millisecond."""
    commit(store, sweep_id, held, 2, 0.7, busy_ms=0)


def write(store: Store, work: Callable[[Session], object]) -> None:
    store.write(work)


CHANGES: dict[str, Change] = {
    "an epoch": lambda store, sweep_id, held: commit(store, sweep_id, held, 3, 0.3),
    "a corrected epoch": repeat_an_epoch,
    "a trial that ends": lambda store, sweep_id, held: write(
        store,
        lambda s: endings.end_trial(s, held, f"{sweep_id}-0003", TrialState.FAILED, failure={"kind": "spec"}),
    ),
    "a lost pack": lambda store, sweep_id, held: write(
        store, lambda s: endings.give_up(s, held, Failure.LOST, {"kind": "lost", "message": "gone"})
    ),
    "a run in MLflow": lambda store, sweep_id, held: write(
        store,
        lambda s: s.execute(
            update(MirrorTrial).where(MirrorTrial.trial_id == f"{sweep_id}-0003").values(run_id="run")
        ),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_has_it_read_again(store: Store, change: str) -> None:
    sweep_id, held = trained(store)
    before = standing(store, sweep_id)
    CHANGES[change](store, sweep_id, held)
    after = standing(store, sweep_id)
    assert contents(after) != contents(before)
    assert contents(after) == contents(read_anew(store, sweep_id))


def test_a_retry_withdraws_a_result(store: Store) -> None:
    sweep_id, held = trained(store)
    failed = f"{sweep_id}-0003"
    write(store, lambda s: endings.end_trial(s, held, failed, TrialState.FAILED, failure={"kind": "spec"}))
    assert standing(store, sweep_id).counts == {"running": 3, "failed": 1}
    write(store, lambda s: trial_verbs.retry(s, failed))
    assert standing(store, sweep_id).counts == {"running": 3, "pending": 1}
    assert contents(standing(store, sweep_id)) == contents(read_anew(store, sweep_id))


def test_without_a_change_no_trial_is_read(store: Store) -> None:
    sweep_id, _ = trained(store)
    before = standing(store, sweep_id)
    statements: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert standing(store, sweep_id) is before
    assert not [each for each in statements if "FROM trials" in each]


def test_a_transaction_that_commits_late_is_not_missed(postgres_url: str) -> None:
    """Its event has a lower number than the last one that was there when the standing was read."""
    store = Store(postgres_url)
    sweep_id, held = trained(store)
    with Session(store.engine) as slow, slow.begin():
        slow.execute(select(current_tx()))  # it has its number now
        commit(store, sweep_id, held, 3, 0.3)
        assert standing(store, sweep_id).counts == {"running": 4}
        sweep_verbs.cancel(slow, sweep_id)
        moved = update(Trial).where(Trial.sweep_id == sweep_id).values(state="cancelled", pack_id=None)
        rows = slow.execute(moved.returning(Trial.id, Trial.number, Trial.state, Trial.failure)).all()
        events.trials_moved(slow, sweep_id, [tuple(row) for row in rows])
    assert standing(store, sweep_id).counts == {"cancelled": 4}
    store.close()


def test_a_sweep_without_events_is_read_again_when_it_gets_some(sqlite_store: Store) -> None:
    """SQLite gives the id of the last event once more after that was forgotten."""
    sweep_id, held = trained(sqlite_store)
    write(sqlite_store, lambda s: sweep_verbs.cancel(s, sweep_id))
    write(sqlite_store, lambda s: endings.give_up(s, held, Failure.PREEMPTED, {"kind": "preempted"}))
    write(sqlite_store, lambda s: sweeps.settle(s, sweep_id))
    assert standing(sqlite_store, sweep_id).counts == {"cancelled": 4}
    last = sqlite_store.read(lambda s: s.scalars(select(func.max(Event.id))).one())
    while sqlite_store.write(partial(events.forget, seconds=-1.0)) is not None:
        pass
    other, of_retry = write_sweep(sqlite_store), 5  # events: the sweep's and one of each trial
    between = [{"trial": "some"}] * (last - of_retry - 1)
    write(sqlite_store, lambda s: events.add(s, other, "trial", between))
    write(sqlite_store, lambda s: sweep_verbs.retry(s, sweep_id))
    assert sqlite_store.read(lambda s: s.scalars(select(func.max(Event.id))).one()) == last
    assert standing(sqlite_store, sweep_id).counts == {"pending": 4}


def test_an_unreadable_sweep_is_read_every_time(sqlite_store: Store) -> None:
    sweep_id, _ = trained(sqlite_store)

    def of(session: Session, broken: bool) -> Standing:
        sweep = sweeps.get(session, sweep_id)
        if broken:
            sweep.__dict__["stored_spec"] = type("Broken", (), {"read": broken_read})()
        return standings.of(session, [sweep])[sweep_id]

    assert sqlite_store.read(partial(of, broken=True)).best == []
    assert len(sqlite_store.read(partial(of, broken=False)).best) == 2


def broken_read(_: object) -> Sweep:
    raise ValueError("it is no spec")


def test_no_more_are_kept_than_there_is_room_for(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "MAX_KEPT", 1)
    first, second = trained(sqlite_store)[0], trained(sqlite_store)[0]
    before = [standing(sqlite_store, first), standing(sqlite_store, second)]
    after = [standing(sqlite_store, second), standing(sqlite_store, first)]
    assert [after[0] is before[1], after[1] is before[0]] == [True, False]
    assert contents(after[1]) == contents(before[0])


def test_one_page_of_kept_and_new_ones(store: Store) -> None:
    first, held = trained(store)
    standing(store, first)
    second = write_sweep(store)
    report(store, held, 3, [trial.id for trial in trials_of(store, first)])
    third, _ = trained(store)
    standing(store, third)

    def read(session: Session) -> dict[str, Standing]:
        return standings.of(session, sweeps.newest(session, 10))

    found = store.read(read)
    assert {sweep_id: contents(found[sweep_id]) for sweep_id in (first, second, third)} == {
        sweep_id: contents(read_anew(store, sweep_id)) for sweep_id in (first, second, third)
    }


def test_the_one_that_was_used_longest_ago_is_forgotten(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standings, "MAX_KEPT", 2)
    first, second, third = (write_sweep(sqlite_store) for _ in range(3))
    before = standing(sqlite_store, first)
    for sweep_id in (second, first, third):
        standing(sqlite_store, sweep_id)
    assert standing(sqlite_store, first) is before
