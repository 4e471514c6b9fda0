"""What sweeps have committed lately, for the time that is left."""

from __future__ import annotations

from functools import partial
from typing import Any

from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import event

from services.domain.results.eta import Commit
from services.domain.retry import Failure
from services.store import attempts, endings, progress
from services.store.models import Event
from services.store.session import Store


def commits(store: Store, *sweep_ids: str) -> dict[str, list[Commit]]:
    return store.read(partial(progress.commits, sweep_ids=sweep_ids))


def test_each_epoch_counts_once_with_its_trials_and_its_shape(store: Store) -> None:
    sweep_id, other = write_sweep(store, space={"model.depth": [2, 3]}), write_sweep(store)
    for shape in range(2):
        held = take(store, fill(store, sweep_id))
        ids = [trial.id for trial in trials_of(store, sweep_id) if trial.shape == shape]
        report(store, held, 1, ids)
    error = {"kind": Failure.LOST, "message": "gone"}
    store.write(lambda session: endings.give_up(session, held, Failure.LOST, error))
    held = take(store, fill(store, sweep_id))
    report(store, held, 1, ids)  # trained again
    found = commits(store, sweep_id, other)
    assert [(commit.shape, commit.trials) for commit in found[sweep_id]] == [(0, 1), (1, 1)]
    assert found[sweep_id][0].at <= found[sweep_id][1].at <= store.now() / 1000
    assert found[other] == []
    assert commits(store) == {}


def test_only_the_latest_are_read(sqlite_store: Store) -> None:
    store, sweep_id = sqlite_store, write_sweep(sqlite_store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids)
    [template] = store.read(lambda s: s.query(Event).filter_by(kind="epoch").all())
    many = [Event(tx=0, at=n, sweep_id=sweep_id, kind="epoch", data=template.data) for n in range(1, 300)]
    store.write(lambda session: session.add_all(many))
    statements: list[str] = []
    event.listen(sqlite_store.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    found = commits(store, sweep_id)[sweep_id]
    assert len(found) == progress.MAX_COMMITS
    assert {commit.at for commit in found} == {n / 1000 for n in range(300 - progress.MAX_COMMITS, 300)}
    assert sum("events" in statement for statement in statements) == 1


def test_events_and_attempts_are_found_by_index(sqlite_store: Store) -> None:
    sweep_ids = [write_sweep(sqlite_store) for _ in range(3)]
    plans: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            explained = cursor.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in explained.fetchall())

    event.listen(sqlite_store.engine, "before_cursor_execute", explain)
    sqlite_store.read(partial(progress.commits, sweep_ids=sweep_ids))
    sqlite_store.read(partial(attempts.recent, sweep_ids=sweep_ids))
    assert plans.count("SEARCH events USING INDEX ix_events_sweep_id_tx_id (sweep_id=?)") == 3
    assert "SEARCH packs USING INDEX ix_packs_state_expires_at (state=? AND expires_at>?)" in plans
    assert not [plan for plan in plans if plan.startswith(("SCAN events", "SCAN packs"))]
