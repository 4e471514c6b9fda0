"""Specs and plans of a page are read once, and kept for a number of sweeps."""

from __future__ import annotations

import pytest
from paper_catalog import paper_spec
from paper_sweep import write_sweep
from sqlalchemy import event

from services.store import specs_and_plans, sweeps
from services.store.models import Sweep
from services.store.session import Store


def page(store: Store) -> list[Sweep]:
    return list(store.read(lambda session: sweeps.newest(session, 10)))


def test_a_page_reads_only_what_it_has_not_seen(store: Store) -> None:
    statements: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    write_sweep(store)
    [first] = page(store)
    statements.clear()
    assert page(store)[0].plan is first.plan
    assert not [each for each in statements if "plan" in each]
    newer = write_sweep(store, seeds=2)
    found = {sweep.id: sweep for sweep in page(store)}
    assert found[first.id].plan is first.plan
    assert (found[newer].plan.seeds, found[newer].spec) == (2, paper_spec(seeds=2))


@pytest.mark.parametrize(("bound", "value"), [("MAX_KEPT", 1), ("MAX_TRIALS_KEPT", 7)])
def test_no_more_are_kept_than_there_is_room_for(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, bound: str, value: int
) -> None:
    monkeypatch.setattr(specs_and_plans, bound, value)  # each sweep has four trials
    for _ in range(3):
        write_sweep(sqlite_store)
    old, new = page(sqlite_store), page(sqlite_store)
    assert [a.plan == b.plan for a, b in zip(old, new, strict=True)] == [True] * 3
    assert sum(a.plan is b.plan for a, b in zip(old, new, strict=True)) == 1
