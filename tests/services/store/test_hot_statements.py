"""Statements that run every second use an index on both kinds of database, however much has happened."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import Connection, event, insert, text

from benchmarks.tables import drawing
from services.domain.spec.objective import Objective
from services.store import (
    checkpoints,
    events,
    export_rows,
    mirror,
    mirror_status,
    rankings,
    reports,
    sweep_verbs,
    sweeps,
    trials,
)
from services.store.leases import Lease
from services.store.models import Checkpoint
from services.store.reports import Epoch
from services.store.session import Session, Store

Work = Callable[[Session], object]


def plans(store: Store, work: Work) -> str:
    """How the database carries out each statement of `work`, a scan of a whole table only where it must."""
    found: list[str] = []

    def explain(connection: Connection, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        explaining = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            cursor.execute(explaining + statement, parameters)
            found.extend(str(row[-1]) for row in cursor.fetchall())

    def planned(session: Session) -> None:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SET LOCAL enable_seqscan = off"))  # the tables of a test are small
        event.listen(session.connection(), "before_cursor_execute", explain)
        work(session)

    store.write(planned)
    return "\n".join(found)


def uses_index(store: Store, work: Work, index: str, table: str) -> bool:
    """Whether `work` uses an index, and reads no whole table of the name."""
    plan = plans(store, work)
    whole = (f"SCAN {table}\n", f"Seq Scan on {table} ")
    return index in plan and not any(scan in plan + "\n" for scan in whole)


def a_checkpoint(store: Store) -> int:
    """A checkpoint that nothing goes on from."""
    held = take(store, fill(store, write_sweep(store)))
    row = Checkpoint(pack_id=held.pack_id, epoch=1, path="x", sha256="0" * 64, bytes=7, created_at=1)

    def write(session: Session) -> int:
        session.add(row)
        session.flush()
        return row.id

    return store.write(write)


def test_forgetting_a_checkpoint_finds_its_trials_by_index(store: Store) -> None:
    number = a_checkpoint(store)
    assert uses_index(
        store, lambda session: checkpoints.forget(session, number), "ix_trials_checkpoint_id", "trials"
    )


def test_checkpoint_files_that_are_left_are_found_by_index(store: Store) -> None:
    number = a_checkpoint(store)

    def write(session: Session) -> None:
        kept = session.get_one(Checkpoint, number)
        gone = {"pack_id": kept.pack_id, "path": "x", "sha256": "0" * 64, "bytes": 0, "created_at": 1}
        session.execute(insert(Checkpoint), [gone | {"epoch": epoch} for epoch in range(2, 1000)])
        session.execute(text("ANALYZE"))

    store.write(write)
    assert uses_index(store, checkpoints.needless, "ix_checkpoints_id", "checkpoints")


def test_events_to_forget_are_found_by_index(store: Store) -> None:
    sweep_id = write_sweep(store)
    store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    store.write(lambda session: sweeps.settle(session, sweep_id))

    def forget(session: Session) -> None:
        assert events.forget(session, -1.0)

    assert uses_index(store, forget, "ix_sweeps_finished_at", "sweeps")
    assert uses_index(store, lambda session: events.forget(session, -1.0), "ix_sweeps_finished_at", "events")


def test_what_is_behind_in_mlflow_reads_no_trial_and_no_sweep(store: Store) -> None:
    write_sweep(store)
    plan = plans(store, lambda session: mirror.behind(session, "1a2b3c4d"))
    assert "ix_mirror_sweeps_addresses" in plan
    assert "ix_mirror_trials_failures" in plan
    assert not re.search(r"(seq scan on|scan) (trials|sweeps)\b", plan, re.IGNORECASE)


@pytest.mark.parametrize("index", ["ix_trials_checkpoint_id", "ix_trials_pack_id"])
def test_a_missing_index_is_seen(store: Store, index: str) -> None:
    number = a_checkpoint(store)
    store.write(lambda session: session.execute(text(f"DROP INDEX {index}")))
    used = uses_index(
        store, lambda session: checkpoints.forget(session, number), "ix_trials_checkpoint_id", "trials"
    )
    assert used == (index != "ix_trials_checkpoint_id")


def test_cancel_and_retry_are_as_many_statements_for_any_number_of_trials(store: Store) -> None:
    """One each, whatever it does to how many rows; nothing is repeated row by row."""
    counts: list[list[int]] = []
    rates = [0.1 * rate for rate in range(1, 4)]
    for space in ({"model.dropout": [0.0, 0.5]}, {"model.dropout": rates, "train.l2": rates}):
        sweep_id = write_sweep(store, space=space)
        store.write(lambda s, i=sweep_id: drawing.draw(s, sweeps.lock(s, i), 100))  # type: ignore[misc]
        verbs = (sweep_verbs.cancel, sweeps.settle, sweep_verbs.retry)
        counts.append([executions(store, partial(verb, sweep_id=sweep_id)) for verb in verbs])
    assert counts[0] == counts[1]


def test_the_last_epoch_of_a_pack_is_as_many_statements_for_any_number_of_trials(store: Store) -> None:
    counts = []
    for trials_of_pack in (2, 9):
        dropouts = [number / 10 for number in range(trials_of_pack)]
        sweep_id = write_sweep(store, space={"model.dropout": dropouts}, train={"epochs": 1})
        held = take(store, fill(store, sweep_id))
        ids = [trial.id for trial in trials_of(store, sweep_id)]
        metrics = {trial_id: {"val/acc": 0.5} for trial_id in ids}
        epoch = Epoch(1, metrics, {}, None, 1, 1, files=dict.fromkeys(ids, "best"))

        def end(session: Session, held: Lease = held, epoch: Epoch = epoch) -> None:
            reports.commit_last(session, held, epoch)

        counts.append(executions(store, end))
        ended = trials_of(store, sweep_id)
        assert {(trial.state, trial.last_value, trial.best_file) for trial in ended} == {
            ("succeeded", 0.5, "best")
        }
    assert counts[0] == counts[1] <= 6


def test_the_scores_of_an_epoch_are_read_once_and_not_for_each_trial(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    metrics = {trial.id: {"val/acc": 0.5} for trial in trials_of(store, sweep_id)}
    epoch = Epoch(1, metrics, {}, None, 1, 1)
    for _ in range(2):  # new, then repeated
        plan = plans(store, partial(reports.commit, held=held, epoch=epoch))
        assert re.search("MATERIALIZE scores|CTE Scan on scores", plan), plan


def executions(store: Store, work: Work) -> int:
    """How many times the database is given a row or a statement."""
    done: list[int] = []

    def count(*given: Any) -> None:
        parameters, many = given[3], given[5]
        done.append(len(parameters) if many else 1)

    event.listen(store.engine, "before_cursor_execute", count)
    store.write(work)
    event.remove(store.engine, "before_cursor_execute", count)
    return sum(done)


PAGES: dict[str, tuple[Callable[[Session, str], object], str]] = {
    "trials": (lambda s, sweep: trials.page(s, sweep, 2, 1), "ix_trials_sweep_id_number"),
    "trials in a state": (
        lambda s, sweep: trials.page(s, sweep, 2, 1, ["pending"]),
        "ix_trials_sweep_id_state_number",
    ),
    "trials of a point": (lambda s, sweep: trials.page(s, sweep, 2, point=1), "ix_trials_sweep_id_"),
    "exported trials": (lambda s, sweep: export_rows.trials(s, sweep, 2, 1), "ix_trials_sweep_id_number"),
    "exported curves": (lambda s, sweep: export_rows.curves(s, sweep, 2, 1, 3), "ix_trials_sweep_id_number"),
    "the leaderboard": (lambda s, sweep: rankings.page(s, sweep, Objective(), 2), "ix_trials_sweep_id_"),
    "runs in MLflow": (lambda s, sweep: mirror_status.status(s, [sweep]), "ix_trials_sweep_id_"),
    "totals": (lambda s, sweep: trials.totals(s, [sweep]), "ix_trials_sweep_id_"),
}


@pytest.mark.parametrize("page", PAGES)
def test_what_is_shown_of_a_sweep_is_found_by_index(store: Store, page: str) -> None:
    read, index = PAGES[page]
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids)
    work = partial(read, sweep=sweep_id)
    for table in ("trials", "reports", "mirror_trials", "packs"):
        assert uses_index(store, work, index, table)


def test_a_page_of_trials_in_a_state_is_not_sorted(store: Store) -> None:
    sweep_id = write_sweep(store)
    fill(store, sweep_id)
    plan = plans(store, lambda session: trials.page(session, sweep_id, 2, 0, ["queued"]))
    assert not re.search(r"\b(sort|b-tree)\b", plan, re.IGNORECASE), plan
