"""The benchmark of wide packs, on SQLite and with narrow ones: every step of every pack is in its table."""

from __future__ import annotations

from benchmarks.wide_packs import EPOCH, EPOCHS, FORM, LAST, LEASE, measure, table
from services.store.session import Store


def test_every_step_of_the_packs_is_measured_and_a_first_pack_is_not(sqlite_store: Store) -> None:
    costs = measure(str(sqlite_store.engine.url), (), width=3, packs=2)
    assert {name: len(each) for name, each in costs.items()} == {
        FORM: 2,
        LEASE: 2,
        EPOCH: 2 * (EPOCHS - 1),
        LAST: 2,
    }
    assert all(cost.statements > 3 and cost.server == 0 for cost in costs[EPOCH])
    head, rule, *lines = table({"SQLite": costs}, 3)
    assert head.count("|") == rule.count("|") == lines[0].count("|")
    assert lines[2].startswith("| SQLite | commit an epoch | 18 | ")
