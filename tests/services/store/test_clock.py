"""The database's clock: milliseconds, and times counted from now in seconds."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import select

from services.store.clock import db_now, in_seconds, seconds_ago
from services.store.session import Store


def test_it_counts_milliseconds_since_1970(store: Store) -> None:
    assert abs(store.now() - time.time() * 1000) < 5000


@pytest.mark.parametrize("seconds", [0, 0.25, 3, 86400.0])
def test_seconds_from_now_and_before_now_are_milliseconds(store: Store, seconds: float) -> None:
    query = select(db_now(), in_seconds(seconds), seconds_ago(seconds))
    now, later, earlier = store.read(lambda session: session.execute(query).one())
    assert later - now == pytest.approx(seconds * 1000, abs=50)
    assert now - earlier == pytest.approx(seconds * 1000, abs=50)


def test_it_goes_on_within_a_transaction(store: Store) -> None:
    def twice(session: object) -> tuple[int, int]:
        read = lambda: session.execute(select(db_now())).scalar_one()  # type: ignore[attr-defined] # noqa: E731
        first = read()
        time.sleep(0.02)
        return first, read()

    first, second = store.read(twice)
    assert second > first
