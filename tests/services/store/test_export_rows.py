"""Rows of an export come in pages that lose nothing and go on where the last one ended."""

from __future__ import annotations

from functools import partial

from paper_sweep import fill, report, take, trials_of, write_sweep

from services.store import export_rows, reports
from services.store.session import Store


def test_pages_of_curves_go_on_where_the_last_one_ended(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    for number in (1, 2):
        report(store, held, number, ids)
    seen: list[tuple[int, int]] = []
    number, epoch = -1, 0
    read = partial(export_rows.curves, sweep_id=sweep_id, limit=3)
    while page := store.read(partial(read, number=number, epoch=epoch)):
        seen += [(row.number, row.epoch) for row in page]
        number, epoch = seen[-1]
    assert seen == [(number, epoch) for number in range(4) for epoch in (1, 2)]
    assert [each.epoch for each in store.read(partial(reports.curve, trial_id=ids[0], after=1))] == [2]


def test_pages_of_trials_go_on_where_the_last_one_ended(store: Store) -> None:
    sweep_id = write_sweep(store)
    fill(store, sweep_id)
    seen: list[str] = []
    number = -1
    while page := store.read(partial(export_rows.trials, sweep_id=sweep_id, limit=3, number=number)):
        seen += [row.id for row in page]
        number = page[-1].number
    assert seen == [trial.id for trial in trials_of(store, sweep_id)]
