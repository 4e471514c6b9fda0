"""Attempts that failed lately: listed newest first, those in a row, and what follows for their trials."""

from __future__ import annotations

from functools import partial

from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import update

from services.domain.retry import Failure
from services.store import attempts, endings
from services.store.attempts import EndedAttempt, Setback
from services.store.models import Pack, Trial
from services.store.reports import Saved
from services.store.session import Session, Store


def lose(store: Store, sweep_id: str, failure: Failure = Failure.LOST, message: str = "w is gone") -> str:
    """An attempt that fails at once; its pack's id."""
    store.write(lambda session: session.execute(update(Trial).values(not_before=0)))
    pack = fill(store, sweep_id)
    held = take(store, pack)
    error = {"kind": failure, "message": message}
    store.write(lambda session: endings.give_up(session, held, failure, error))
    return pack.id


def setbacks(store: Store, sweep_id: str, later: int = 0) -> list[Setback]:
    def read(session: Session) -> list[Setback]:
        ended = attempts.recent(session, [sweep_id])[sweep_id]
        return attempts.setbacks(session, ended, store.now() + later)

    return store.read(read)


def test_attempts_are_listed_newest_first_each_with_its_own_failure(store: Store) -> None:
    one, other = write_sweep(store), write_sweep(store)
    crashed = lose(store, one, Failure.CRASHED, "host: a colon: in the message")
    stopped = lose(store, one, Failure.PREEMPTED, "stopped")
    found = store.read(partial(attempts.recent, sweep_ids=[one, other]))
    assert [(each.pack_id, each.failure, each.message) for each in found[one]] == [
        (stopped, None, "stopped"),
        (crashed, Failure.CRASHED, "host: a colon: in the message"),
    ]
    assert (found[other], found[one][0].worker) == ([], "worker")


def test_attempts_of_long_ago_are_not_looked_at(store: Store) -> None:
    sweep_id = write_sweep(store)
    lose(store, sweep_id)
    long_ago = store.now() - 3_700_000
    store.write(lambda s: s.execute(update(Pack).values(expires_at=long_ago, closed_at=long_ago)))
    assert store.read(partial(attempts.recent, sweep_ids=[sweep_id])) == {sweep_id: []}


def test_those_in_a_row_end_at_a_good_one_and_at_progress() -> None:
    def ended(at: int, failure: Failure | None, message: str = "") -> EndedAttempt:
        return EndedAttempt(f"p{at}", "w", at * 1000, failure, message)

    bad, stopped, good = ended(9, Failure.HOST), ended(8, None, "stopped"), ended(6, None)
    row = [bad, stopped, ended(7, Failure.LOST), good, ended(5, Failure.LOST)]
    assert [each.pack_id for each in attempts.in_a_row(row, None)] == ["p9", "p7"]
    assert [each.pack_id for each in attempts.in_a_row(row, 8.5)] == ["p9"]
    assert attempts.in_a_row(row, 9.5) == []
    assert attempts.in_a_row([], None) == []


def test_a_setback_says_from_where_its_trials_go_on(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids, saved=Saved(1, "a", "0" * 64, 1))
    error = {"kind": Failure.LOST, "message": "worker lab-1/7 fell silent"}
    store.write(lambda session: endings.give_up(session, held, Failure.LOST, error))
    [waiting] = setbacks(store, sweep_id)
    expected = ("lost", 1, "worker lab-1/7 fell silent", "going on from epoch 1")
    assert (waiting.failure, waiting.attempts, waiting.message, waiting.then) == expected
    held = take(store, fill(store, sweep_id))
    report(store, held, 2, ids, saved=Saved(2, "b", "0" * 64, 1))
    assert setbacks(store, sweep_id) == [waiting], "where they went on from stays what it was"
    assert setbacks(store, sweep_id, later=601_000) == []


def test_setbacks_alike_are_one_and_few_are_shown(store: Store) -> None:
    sweep_id = write_sweep(store)
    for message in ("a", "b", "b", "c", "d"):
        lose(store, sweep_id, Failure.LOST, message)
    found = [(setback.message, setback.attempts) for setback in setbacks(store, sweep_id)]
    assert found == [("d", 1), ("c", 1), ("b", 2)]
    assert {setback.then for setback in setbacks(store, sweep_id)} == {"starting again from epoch 0"}


def test_trials_that_have_failed_do_not_go_on(store: Store) -> None:
    sweep_id = write_sweep(store)
    lose(store, sweep_id, Failure.SPEC, "cannot be built")
    [setback] = setbacks(store, sweep_id)
    assert (setback.failure, setback.then) == ("spec", "its trials have failed")
