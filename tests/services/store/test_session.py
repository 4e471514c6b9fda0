"""Transactions: writers wait for one another instead of failing, on both kinds of database."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest
from sqlalchemy import select
from sqlalchemy.exc import TimeoutError

from services.store import session, workers
from services.store.models import Worker
from services.store.session import Session, Store


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
