"""Workers: who is alive, what they are doing, and who is forgotten."""

from __future__ import annotations

from functools import partial

from sqlalchemy import update

from services.store import workers
from services.store.session import Store
from services.store.workers import Worker


def say(store: Store, name: str, words: str) -> None:
    store.write(partial(workers.say, worker_id=name, host="host", pid=7, words=words))


def alive(store: Store) -> dict[str, str]:
    return {each.id: each.says for each in store.read(lambda session: workers.seen_within(session, 60))}


def age(store: Store, name: str, seconds: int) -> None:
    old = update(Worker).where(Worker.id == name).values(seen=store.now() - seconds * 1000)
    store.write(lambda session: session.execute(old))


def test_a_worker_is_alive_from_its_first_sentence_until_it_stops_or_falls_silent(store: Store) -> None:
    say(store, "one", "idle")
    say(store, "two", "idle")
    say(store, "one", "trains")
    assert alive(store) == {"one": "trains", "two": "idle"}
    store.write(lambda session: workers.stop(session, "one"))
    age(store, "two", 61)
    assert alive(store) == {}
    say(store, "one", "is back")
    assert alive(store) == {"one": "is back"}


def test_only_workers_that_have_long_been_silent_are_forgotten(store: Store) -> None:
    say(store, "one", "idle")
    say(store, "two", "idle")
    age(store, "one", 61)
    store.write(lambda session: workers.forget(session, 60))
    assert [each.id for each in store.read(lambda session: workers.seen_within(session, 1e6))] == ["two"]
