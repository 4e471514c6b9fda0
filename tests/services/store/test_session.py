"""Transactions: writers wait for one another instead of failing, on both kinds of database."""

from __future__ import annotations

import threading
from contextlib import ExitStack, nullcontext

import pytest
from paper_sweep import fill, row_of, take, write_sweep
from sqlalchemy import bindparam, event, func, select
from sqlalchemy.exc import DBAPIError, TimeoutError

from services.store import endings, leases, session, sweep_verbs, sweeps, workers
from services.store.models import Pack, Sweep
from services.store.session import Session, Store
from services.store.workers import Worker


def test_many_writers_at_once_lose_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MAX_TRIES", 1)  # nobody may need a second one
    store.write(lambda s: workers.say(s, "w", "host", 0, "begins"))
    failures: list[BaseException] = []

    def count(s: Session) -> None:
        worker = s.scalars(select(Worker).where(Worker.id == "w").with_for_update()).one()
        worker.pid += 1

    def work() -> None:
        try:
            for _ in range(25):
                store.write(count)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.read(lambda s: s.get_one(Worker, "w").pid) == 150


def test_the_clock_is_the_databases_and_in_milliseconds(store: Store) -> None:
    first, second = store.now(), store.now()
    assert 0 <= second - first < 60_000
    assert 1_700_000_000_000 < first < 5_000_000_000_000


def test_who_gets_no_connection_in_time_meets_an_outage(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a database that hangs, requests and streams hold every connection; others must hear why."""
    store = Store(postgres_url)
    monkeypatch.setattr(store.engine.pool, "_timeout", 0.1)
    with ExitStack() as held:
        for _ in range(15):
            held.enter_context(store.engine.connect())
        with pytest.raises(TimeoutError) as caught:
            store.ping()
    assert session.is_outage(caught.value)
    store.ping()
    store.close()


def test_a_frozen_transaction_is_ended_and_others_go_on(postgres_url: str) -> None:
    store = Store(postgres_url, max_idle=0.6, lock_timeout=0.2)
    held = take(store, fill(store, write_sweep(store)), ttl=-1.0)
    tries: list[int] = []

    def freeze(s: Session) -> None:
        """Pass the fence, then stand still, as a process does that was stopped; then write."""
        tries.append(len(tries))
        leases.fence(s, held)
        if len(tries) == 1:
            rescuer = threading.Thread(target=rescue)
            rescuer.start()
            rescuer.join()
        leases.fence(s, held)

    def rescue() -> None:
        store.write(lambda s: endings.reap(s, held.pack_id))

    with pytest.raises(DBAPIError) as caught:
        store.write(freeze)
    assert session.is_outage(caught.value)
    assert row_of(store, Pack, held.pack_id).state == "lost"  # the other one waited, and then it was its turn
    with pytest.raises(leases.Fenced):
        store.insist(freeze)
    store.close()


def test_a_write_that_waits_for_a_lock_starts_again(postgres_url: str) -> None:
    store, other = Store(postgres_url, lock_timeout=0.1), Store(postgres_url)
    sweep_id = write_sweep(store)
    tries: list[int] = []

    def pause(s: Session) -> None:
        tries.append(len(tries))
        if len(tries) == 3:
            holder.rollback()
        sweep_verbs.pause(s, sweep_id)

    with Session(other.engine) as holder:
        sweeps.lock(holder, sweep_id)
        store.write(pause)
    assert len(tries) == 3
    assert row_of(store, Sweep, sweep_id).state == "paused"
    store.close()
    other.close()


def test_a_connection_that_has_rested_is_tried_before_it_is_used(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = Store(postgres_url), Store(postgres_url)
    number = select(func.pg_backend_pid())
    end = select(func.pg_terminate_backend(bindparam("number")))
    for untried, raises in ((0.0, False), (60.0, True)):
        monkeypatch.setattr(session, "MAX_UNTRIED_SECONDS", untried)
        first = store.read(lambda s: s.execute(number).scalar_one())
        other.read(lambda s, first=first: s.execute(end, {"number": first}))  # type: ignore[misc]
        with pytest.raises(DBAPIError) if raises else nullcontext():
            store.ping()
    store.ping()
    store.close()
    other.close()


def test_a_read_ends_with_a_commit(sqlite_store: Store) -> None:
    """After a rollback PostgreSQL would plan every statement anew."""
    ends: list[str] = []
    event.listen(sqlite_store.engine, "commit", lambda _: ends.append("commit"))
    event.listen(sqlite_store.engine, "rollback", lambda _: ends.append("rollback"))
    assert sqlite_store.read(lambda session: session.execute(select(func.count(Sweep.id))).scalar_one()) == 0
    assert ends == ["commit"]
