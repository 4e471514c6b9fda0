"""services/store/lineage.py: what was forked from a trial, and which sweeps a sweep has reused."""

from __future__ import annotations

from typing import Any

from paper_sweep import trials_of, write_sweep
from sqlalchemy import update

from services.store import lineage, trials
from services.store.models import Sweep, Trial
from services.store.session import Session, Store


def change(store: Store, trial_id: str, **values: Any) -> None:
    store.write(lambda session: session.execute(update(Trial).where(Trial.id == trial_id).values(**values)))


def drawn(store: Store, **changes: Any) -> list[Trial]:
    """The trials of a new sweep."""
    sweep_id = write_sweep(store, **changes)

    def draw(session: Session) -> None:
        for row in trials.rows_of(session.get_one(Sweep, sweep_id), range(4), 0):
            session.add(Trial(**row | {"state": "pending"}))

    store.write(draw)
    return trials_of(store, sweep_id)


def test_the_forks_of_a_trial_are_listed_the_first_one_first(store: Store) -> None:
    parent, other = drawn(store)[:2]
    assert store.read(lambda session: lineage.forks_of(session, parent.id)) == []
    early, late, *_, another = drawn(store)
    change(store, early.id, forked_from=parent.id, start_epoch=1, epoch=1, created_at=2)
    change(store, late.id, forked_from=parent.id, start_epoch=None, created_at=1)
    change(store, another.id, forked_from=other.id)
    found = store.read(lambda session: lineage.forks_of(session, parent.id))
    assert found == [
        (late.id, late.sweep_id, "pending", None, 0, 3),
        (early.id, early.sweep_id, "pending", 1, 1, 3),
    ]


def test_a_fork_begins_where_its_trial_does(sqlite_store: Store) -> None:
    trial = drawn(sqlite_store)[0]
    for start in (4, None):
        sqlite_store.write(lambda s, at=start: s.execute(update(Trial).values(start_epoch=at)))  # type: ignore[misc]
        assert sqlite_store.read(lambda s: lineage.start_of_fork(s, trial.sweep_id)) == start


def test_reused_sweeps_are_counted_the_one_with_most_trials_first(store: Store) -> None:
    first, second, new = drawn(store), drawn(store), drawn(store)
    assert store.read(lambda session: lineage.reused_by(session, new[0].sweep_id)) == []
    for mine, source, epochs in ((0, first[2], 3), (1, second[0], 2), (2, second[1], 3)):
        change(store, new[mine].id, reused_from=source.id, reused_epochs=epochs)
    assert store.read(lambda session: lineage.reused_by(session, new[0].sweep_id)) == [
        (second[0].sweep_id, 2, 5),
        (first[0].sweep_id, 1, 3),
    ]
