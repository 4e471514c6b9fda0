"""benchmarks/more_or_fewer_workers.py: what it reads from SQL, and which curves it calls equal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from paper_sweep import fill, report, take, trials_of, write_sweep

from benchmarks.more_or_fewer_workers import Trained, compared, read
from services.store.session import Store

ONE = Trained({1: {1: {"val/acc": 0.5}}, 2: {1: {"val/acc": 0.25}}}, {1: 4, 2: 4}, {1: 0, 2: 1}, {1: {"a"}})


def test_curves_widths_and_workers_are_read_without_speeds(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    held = take(sqlite_store, fill(sqlite_store, sweep_id))
    trials = trials_of(sqlite_store, sweep_id)
    report(sqlite_store, held, 1, [t.id for t in trials], {"val/acc": 0.5, "perf/images_per_s": 9.0})
    found = read(Path(str(sqlite_store.engine.url.database)))
    numbers = [trial.number for trial in trials]
    assert found.curves == {number: {1: {"val/acc": 0.5}} for number in numbers}
    assert found.widths == {trial.number: trial.width for trial in trials}
    assert found.workers == {number: {"worker"} for number in numbers}
    assert found.moved == []


def test_a_curve_that_differs_is_shown_with_its_place() -> None:
    curves = {**ONE.curves, 2: {1: {"val/acc": 0.5}}}
    other = replace(ONE, curves=curves, rows={1: 0, 2: 3}, workers={1: {"a", "b"}})
    assert compared("two", other, ONE) == [
        "| two | 2 | 1 of 2 | 4 | 1 |",
        "  trial 2 differs by up to 0.25; width, row (4, 1) and (4, 3)",
    ]
