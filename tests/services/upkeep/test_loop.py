"""The round of chores: one that fails stops neither the others nor the next round."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from module_clock import set_clock
from paper_sweep import fill, row_of, trials_of, write_sweep
from sqlalchemy import update
from worker_process import wait_for

from services.settings import Settings
from services.store import packs, sweep_verbs
from services.store.models import Sweep
from services.store.session import Store
from services.upkeep import loop


def test_a_chore_that_fails_is_logged_and_the_others_are_done(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def fail() -> None:
        raise RuntimeError("on purpose")

    with caplog.at_level(logging.ERROR):
        loop.Chores(
            {"first": lambda: done.append("first"), "bad": fail, "last": lambda: done.append("last")}
        ).do_each()
    assert done == ["first", "last"]
    assert "bad failed, the next round tries again" in caplog.text
    assert "on purpose" in caplog.text


def test_a_chore_that_takes_long_is_logged_when_it_begins_to_and_when_it_ends_to(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    durations = [0.1, 7.2, 8.0, 0.2]
    times = iter([time for took in durations for time in (0.0, took)])
    set_clock(monkeypatch, loop, monotonic=lambda: next(times))
    chores = loop.Chores({"dispatch": lambda: None})
    with caplog.at_level(logging.INFO):
        for _ in durations:
            chores.do_each()
    assert caplog.messages == [
        "dispatch took 7.2 s, more than 5 s: other chores wait",
        "dispatch takes 0.2 s again",
    ]


def test_the_mirror_has_the_writer(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[object, ...]] = []

    class Nothing:
        def __init__(self, *words: object) -> None:
            given.append(words)

        def start(self) -> None:
            pass

        close = start

    monkeypatch.setattr(loop, "Mirror", Nothing)
    stop = threading.Event()
    stop.set()
    writer: Any = object()
    loop.run(sqlite_settings, stop, writer)
    assert [words[1:] for words in given] == [(sqlite_settings, writer)]


def test_rounds_go_on_until_they_are_stopped(sqlite_store: Store, sqlite_settings: Settings) -> None:
    """Real chores on a real database; there is no Redis, so nothing is announced, and that stops nothing."""
    settings = sqlite_settings.model_copy(update={"upkeep_period": 0.05})
    ending, waiting = write_sweep(sqlite_store), write_sweep(sqlite_store)
    over = write_sweep(sqlite_store, stop={"name": "budget", "seconds": 0.001})
    begun = update(Sweep).where(Sweep.id == over).values(started_at=1)
    sqlite_store.write(lambda session: session.execute(begun))
    fill(sqlite_store, ending)
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(settings, stop))
    thread.start()
    try:
        wait_for(lambda: trials_of(sqlite_store, waiting), 30, "trials of the sweep that waits")
        wait_for(lambda: row_of(sqlite_store, Sweep, over).ended_by, 30, "a rule's end of a sweep")
        sqlite_store.write(lambda session: sweep_verbs.cancel(session, ending))
        wait_for(lambda: row_of(sqlite_store, Sweep, ending).state == "cancelled", 30, "the end of a sweep")
    finally:
        stop.set()
        thread.join(timeout=30)
    assert not thread.is_alive()
    assert {pack.sweep_id for pack in sqlite_store.read(packs.queued)} == {waiting}
