"""Deleting a sweep: what forbids it, what goes with it, and that no row of it or about it is left."""

from __future__ import annotations

from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec
from paper_sweep import fill, report, take, trials_of
from sqlalchemy import func, select, text

from services.domain.errors import NotFound, StateForbids
from services.domain.states import SWEEP_FINAL, SweepState, TrialState
from services.store import deletion, endings, forks, reuse, submit_keys, sweep_verbs, sweeps, trials
from services.store.models import Trial
from services.store.reports import Saved
from services.store.session import Session, Store
from services.store.table import Base

CODE = dict.fromkeys(("", "net", "paper", "sgd", "adam"), "digest")


def submit(store: Store, extends: str | None = None, **changes: Any) -> str:
    """A new sweep, as the API writes it."""
    spec = paper_spec(**{"train": {"epochs": 2}} | changes)
    plan = paper_plan(spec).model_copy(update={"code": CODE})

    def write(session: Session) -> str:
        sweep_id = sweeps.insert(session, spec, plan, extends=extends)
        reuse.draw(session, sweeps.lock(session, sweep_id))
        return sweep_id

    return store.write(write)


def train(store: Store, sweep_id: str) -> list[Trial]:
    """Train a sweep to its end, with a checkpoint; its trials."""
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    for number in (1, 2):
        saved = Saved(number, f"packs/{held.pack_id}/{number}", "0" * 64, 7)
        report(store, held, number, ids, saved=saved)
    for trial_id in ids:
        store.write(lambda s, i=trial_id: endings.end_trial(s, held, i, TrialState.SUCCEEDED))  # type: ignore[misc]
    store.write(lambda session: endings.close(session, held, "done"))
    assert store.write(lambda session: sweeps.settle(session, sweep_id))
    return trials_of(store, sweep_id)


def begin(store: Store, sweep_id: str) -> None:
    store.write(lambda session: deletion.begin(session, sweep_id))


def erase(store: Store, sweep_id: str) -> None:
    while store.write(lambda session: deletion.erase(session, sweep_id)):
        pass


def rows(store: Store) -> dict[str, int]:
    """How many rows each table has, those without any left out."""

    def count(session: Session) -> dict[str, int]:
        counts = {
            name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in Base.metadata.tables.items()
        }
        return {name: number for name, number in counts.items() if number}

    return store.read(count)


def test_nothing_of_a_deleted_sweep_is_left_and_all_of_another_one(store: Store) -> None:
    other = submit(store, project="other")
    train(store, other)
    before = rows(store)
    sweep_id = submit(store)
    train(store, sweep_id)
    store.write(lambda session: submit_keys.keep(session, "key", "digest", sweep_id))
    found = store.read(lambda session: deletion.contents(session, sweep_id))
    assert (found.trials, found.epochs, len(found.packs), found.runs) == (4, 8, 1, 0)
    begin(store, sweep_id)
    assert store.read(deletion.waiting) == [sweep_id]
    erase(store, sweep_id)
    assert rows(store) == before | {"submit_keys": 1}
    assert store.read(deletion.waiting) == []
    assert len(trials_of(store, other)) == 4


def test_a_deleted_sweep_is_shown_nowhere_from_then_on(store: Store) -> None:
    sweep_id = submit(store)
    first = train(store, sweep_id)[0]
    begin(store, sweep_id)
    assert list(store.read(lambda session: sweeps.newest(session, 10))) == []
    for read in (
        lambda session: sweeps.get(session, sweep_id),
        lambda session: sweeps.lock(session, sweep_id),
        lambda session: sweep_verbs.retry(session, sweep_id),
        lambda session: deletion.begin(session, sweep_id),
    ):
        with pytest.raises(NotFound, match=f"sweep '{sweep_id}' is being deleted"):
            store.write(read)
    with pytest.raises(NotFound, match="no trial"):
        store.read(lambda session: trials.get(session, first.id))
    assert not store.write(lambda session: sweep_id in sweeps.ending_ids(session))


@pytest.mark.parametrize("state", sorted({*SweepState} - SWEEP_FINAL - {SweepState.DELETING}))
def test_a_sweep_that_goes_on_is_refused(store: Store, state: SweepState) -> None:
    sweep_id = submit(store)
    store.write(lambda s: s.execute(text("UPDATE sweeps SET state = :state"), {"state": state.value}))
    words = f"sweep {sweep_id} is {state}; only a sweep that is succeeded, partial, failed or cancelled can"
    with pytest.raises(StateForbids, match=words):
        begin(store, sweep_id)


def test_a_sweep_that_others_need_is_refused_until_they_are_gone(store: Store) -> None:
    source = submit(store)
    train(store, source)
    reusing = submit(store)
    longer = submit(store, extends=source, project="other")
    warm = submit(store, project="third", search="tpe", max_trials=4, warm_start=[source])
    for each in (reusing, longer, warm):
        if each != reusing:
            store.write(lambda session, each=each: sweep_verbs.cancel(session, each))  # type: ignore[misc]
        store.write(lambda session, each=each: sweeps.settle(session, each))  # type: ignore[misc]
    why = {
        reusing: "has reused trials of it",
        longer: "continues it",
        warm: "begins its search with its results",
    }
    with pytest.raises(StateForbids) as caught:
        begin(store, source)
    named = "; ".join(f"{each} {why[each]}" for each in sorted(why))
    assert caught.value.detail == (
        f"sweep {source} cannot be deleted while other sweeps need it: {named}; delete those first"
    )
    for each in why:
        begin(store, each)
    with pytest.raises(StateForbids, match="has reused trials of it and is being deleted"):
        begin(store, source)
    for each in why:
        erase(store, each)
    begin(store, source)
    erase(store, source)
    assert rows(store) == {}


def test_a_sweep_whose_trial_was_forked_is_refused(store: Store) -> None:
    source = submit(store, train={"epochs": 3})
    held = take(store, fill(store, source))
    ids = [trial.id for trial in trials_of(store, source)]
    report(store, held, 1, ids, saved=Saved(1, f"packs/{held.pack_id}/1", "0" * 64, 7))
    for trial_id in ids:
        store.write(lambda s, i=trial_id: endings.end_trial(s, held, i, TrialState.CANCELLED))  # type: ignore[misc]
    store.write(lambda session: endings.close(session, held, "done"))
    store.write(lambda session: sweep_verbs.stop(session, source))
    store.write(lambda session: sweeps.settle(session, source))
    spec = paper_spec(name="fork", space={})
    fork = store.write(lambda session: forks.fork(session, ids[0], spec, paper_plan(spec), ""))
    with pytest.raises(StateForbids, match=f"{fork} is a fork of a trial of it; delete those first"):
        begin(store, source)


def test_nothing_is_reused_of_a_sweep_that_is_being_deleted(store: Store) -> None:
    source = submit(store)
    train(store, source)
    begin(store, source)
    spec = paper_spec(train={"epochs": 2})
    plan = paper_plan(spec).model_copy(update={"code": CODE})
    assert store.read(lambda session: reuse.preview(session, spec, plan)).finished == 0
    again = submit(store)
    assert not trials_of(store, again)
    assert store.write(lambda session: sweeps.hold(session, [source, again])) == {again}


def test_a_key_outlives_its_sweep_and_makes_no_other(store: Store) -> None:
    sweep_id = submit(store)
    train(store, sweep_id)
    store.write(lambda session: submit_keys.keep(session, "key", "digest", sweep_id))
    begin(store, sweep_id)
    words = "the sweep that 'key' made was deleted; send a new key to make another"
    for _ in range(2):
        with pytest.raises(StateForbids, match=words):
            store.read(lambda session: submit_keys.find(session, "key", "digest"))
        erase(store, sweep_id)


def test_a_sweep_that_cannot_be_read_can_be_deleted(store: Store) -> None:
    sweep_id = submit(store)
    train(store, sweep_id)
    store.write(lambda session: session.execute(text("UPDATE sweeps SET spec = '5', plan = '[]'")))
    begin(store, sweep_id)
    erase(store, sweep_id)
    assert rows(store) == {}


def test_rows_go_some_at_a_time(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each transaction what is left can still be deleted."""
    monkeypatch.setattr(deletion, "TRIALS_PER_ERASE", 1)
    monkeypatch.setattr(deletion, "ROWS_PER_ERASE", 5)
    sweep_id = submit(sqlite_store)
    train(sqlite_store, sweep_id)
    begin(sqlite_store, sweep_id)
    left = []
    while sqlite_store.write(lambda session: deletion.erase(session, sweep_id)):
        left.append(rows(sqlite_store))
    assert [each["trials"] for each in left[-4:] if "trials" in each] == [3, 2, 1]
    assert rows(sqlite_store) == {}
