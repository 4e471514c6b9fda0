"""Events are written with what they tell, and a reader misses none, whoever commits first."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from services.domain.errors import ParameterError
from services.domain.retry import Failure
from services.domain.states import TrialState
from services.settings import Settings
from services.store import endings, events, packs, sweep_verbs, sweeps
from services.store.events import BEGINNING, EventPosition
from services.store.models import Event, Sweep
from services.store.session import Store
from services.upkeep.prune import Prune


def told(
    store: Store, sweep_id: str | None = None, place: EventPosition = BEGINNING
) -> list[tuple[str, Any]]:
    """Kind and gist of each event behind a place."""
    found = store.read(lambda session: events.after(session, place, sweep_id))
    return [(event.kind, event.data.get("state") or event.data["epoch"]) for event in found]


def test_the_life_of_a_sweep_is_recorded_in_order(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    values = {trial_id: {"val/acc": 0.5} for trial_id in ids} | {ids[0]: {"val/acc": float("nan")}}
    report(store, held, 1, ids, values)
    error = {"kind": Failure.DIVERGED, "message": "…"}
    store.write(lambda s: endings.end_trial(s, held, ids[0], TrialState.FAILED, failure=error))
    store.write(lambda s: endings.give_up(s, held, Failure.PREEMPTED, {"kind": Failure.PREEMPTED}))
    store.write(lambda s: sweep_verbs.cancel(s, sweep_id))
    store.write(lambda s: sweeps.settle(s, sweep_id))
    four, three = len(ids), len(ids) - 1
    assert told(store, sweep_id) == [
        ("sweep", "active"),
        *[("trial", "queued")] * four,
        *[("trial", "running")] * four,
        ("epoch", 1),
        ("trial", "failed"),
        *[("trial", "pending")] * three,
        ("sweep", "cancelling"),
        *[("trial", "cancelled")] * three,
        ("sweep", "cancelled"),
    ]
    found = store.read(lambda session: events.after(session, BEGINNING, sweep_id))
    epoch = next(event.data for event in found if event.kind == "epoch")
    assert epoch["pack"] == held.pack_id
    assert epoch["values"] == {ids[0]: "nan", **dict.fromkeys(ids[1:], 0.5)}
    failed = next(event.data for event in found if event.data.get("state") == "failed")
    assert failed == {"trial": ids[0], "number": 0, "state": "failed", "failure": "diverged"}


def test_a_withdrawn_pack_and_a_replayed_epoch(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    pack = fill(sqlite_store, sweep_id)
    place = sqlite_store.read(events.newest)
    sqlite_store.write(lambda session: packs.withdraw(session, pack, "test"))
    assert set(told(sqlite_store, sweep_id, place)) == {("trial", "pending")}
    held = take(sqlite_store, fill(sqlite_store, sweep_id))
    ids = [trial.id for trial in trials_of(sqlite_store, sweep_id)]
    report(sqlite_store, held, 1, ids)
    place = sqlite_store.read(events.newest)
    report(sqlite_store, held, 1, ids)
    assert told(sqlite_store, sweep_id, place) == []


def test_what_is_rolled_back_is_not_recorded(store: Store) -> None:
    sweep_id = write_sweep(store)

    def fail(session: Session) -> None:
        sweep_verbs.pause(session, sweep_id)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.write(fail)
    assert told(store, sweep_id) == [("sweep", "active")]


def test_a_reader_waits_for_a_lower_number_that_commits_later(postgres_url: str) -> None:
    store = Store(postgres_url)
    first, second = write_sweep(store), write_sweep(store)
    place = store.read(events.newest)
    slow, quick = Session(store.engine), Session(store.engine)
    sweep_verbs.pause(slow, first)  # has its number, and is in no hurry
    sweep_verbs.pause(quick, second)
    quick.commit()
    everything = store.read(
        lambda s: s.execute(select(func.count(Event.id)).where(_behind(place))).scalar_one()
    )
    assert everything == 1
    assert told(store, None, place) == []  # not yet: the slow one would be missed for ever
    assert store.read(events.newest) == place
    slow.commit()
    assert told(store, None, place) == [("sweep", "paused")] * 2
    found = store.read(lambda session: events.after(session, place))
    assert [event.sweep_id for event in found] == [first, second]
    assert [event.tx for event in found] == sorted(event.tx for event in found)
    slow.close()
    quick.close()
    store.close()


def test_a_sweep_is_not_over_while_an_event_of_it_waits(postgres_url: str) -> None:
    store = Store(postgres_url)
    sweep_id, other = write_sweep(store), write_sweep(store)
    store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    slow = Session(store.engine)
    sweep_verbs.pause(slow, other)
    store.write(lambda session: sweeps.settle(session, sweep_id))
    [*_, last] = store.read(lambda session: events.after(session, BEGINNING, sweep_id))
    place = EventPosition(last.tx, last.id)
    assert last.data == {"state": "cancelling"}
    assert store.read(lambda session: events.is_over(session, sweep_id, place)) is None
    slow.rollback()
    [last] = store.read(lambda session: events.after(session, place, sweep_id))
    place = EventPosition(last.tx, last.id)
    assert store.read(lambda session: events.is_over(session, sweep_id, place)) == "cancelled"
    slow.close()
    store.close()


def _behind(place: EventPosition) -> Any:
    return (Event.tx > place.tx) | ((Event.tx == place.tx) & (Event.id > place.id))


def test_a_worker_reports_while_somebody_holds_the_sweep(postgres_url: str) -> None:
    """An event refers to its sweep; that must not wait for who has locked it, who may wait for the worker."""
    store = Store(postgres_url)
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    with ThreadPoolExecutor() as worker, Session(store.engine) as session:
        sweeps.lock(session, sweep_id)
        assert worker.submit(report, store, held, 1, ids).result(timeout=5)
    store.close()


@pytest.mark.parametrize("text", ["", "1", "1-", "-1-2", "1-2-3", "a-b", "1 -2", f"{2**63}-1", "٣-٤"])
def test_an_id_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="Last-Event-ID must be the id of an event"):
        EventPosition.read(text)


def test_events_are_forgotten_a_week_after_their_sweep_is_over(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    week = 7 * 24 * 3600 * 1000
    over, new, running = (write_sweep(sqlite_store) for _ in range(3))
    now = sqlite_store.now()

    def age(session: Session) -> None:
        session.execute(update(Event).values(at=now - week - 10_000))
        session.execute(update(Sweep).where(Sweep.id == over).values(finished_at=now - week - 1))
        session.execute(update(Sweep).where(Sweep.id == new).values(finished_at=now - week + 60_000))

    sqlite_store.write(age)
    Prune(sqlite_store, sqlite_settings).round()
    assert [len(told(sqlite_store, sweep_id)) for sweep_id in (over, new, running)] == [0, 1, 1]


def test_a_restored_database_is_heard_once_its_events_are_numbered_anew(postgres_url: str) -> None:
    """As docs/operating.md says: a new cluster counts its transactions from the beginning."""
    store = Store(postgres_url)
    sweep_id = write_sweep(store)
    store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    before = told(store, sweep_id)
    store.write(lambda session: session.execute(update(Event).values(tx=Event.tx + 10**9)))
    assert told(store, sweep_id) == []
    guide = (Path(__file__).parents[3] / "docs" / "operating.md").read_text()
    [statement] = re.findall(r"'(UPDATE events [^']+)'", guide)
    store.write(lambda session: session.execute(text(statement)))
    assert store.write(lambda session: sweeps.settle(session, sweep_id))
    assert told(store, sweep_id)[: len(before)] == before
    last = store.read(events.newest)
    assert store.read(lambda session: events.is_over(session, sweep_id, last)) == "cancelled"
    store.close()


def test_events_of_ended_sweeps_go_in_small_batches_the_first_ended_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "EVENTS_PER_FORGET", 2)
    goes_on, first, second = (write_sweep(store) for _ in range(3))
    for sweep_id in (first, second):
        store.write(lambda s, i=sweep_id: sweep_verbs.cancel(s, i))  # type: ignore[misc]
        store.write(lambda s, i=sweep_id: sweeps.settle(s, i))  # type: ignore[misc]

    def left(sweep_id: str) -> int:
        return len(store.read(lambda s: events.after(s, events.BEGINNING, sweep_id)))

    assert [left(each) for each in (goes_on, first, second)] == [1, 3, 3]
    forget = partial(events.forget, seconds=-1.0)
    assert [store.write(forget), left(first), left(second)] == [2, 1, 3]
    assert [store.write(forget) for _ in range(3)] == [1, 2, 1]
    assert [store.write(forget), left(first), left(second), left(goes_on)] == [None, 0, 0, 1]
    assert store.write(partial(events.forget, seconds=3600.0)) is None
    store.write(lambda s: sweep_verbs.retry(s, first))  # it has events again
    store.write(lambda s: sweep_verbs.cancel(s, first))
    store.write(lambda s: sweeps.settle(s, first))
    assert store.write(forget) == 2
