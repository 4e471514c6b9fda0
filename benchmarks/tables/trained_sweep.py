"""One large sweep in the middle of its training, written in bulk on either kind of database."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import insert, text

from benchmarks.tables import drawing
from benchmarks.tables.past_sweeps import ROWS, SPEC
from services.store import sweeps
from services.store.models import Event, Pack, PackRow, Report
from services.store.session import Session, Store

EPOCHS, SEEDS = int(SPEC["train"]["epochs"]), 2
ROWS_PER_WRITE = 5000
MINUTE = 60_000  # ms
METRICS = ("train/loss", "train/acc", "val/loss", "val/acc", "test/loss", "test/acc")


def large_spec(size: int) -> dict[str, Any]:
    """A spec of so many trials, a multiple of 200: a grid on three axes with two seeds of each point."""
    dropouts, penalties = [number / 50 for number in range(25)], [0.0, 1e-5, 1e-4, 1e-3]
    rates = [(number + 1) / 10_000 for number in range(size // (len(dropouts) * len(penalties) * SEEDS))]
    space = {"model.dropout": dropouts, "train.l2": penalties, "train.optimizer.lr": rates}
    return SPEC | {"space": space, "seeds": SEEDS, "max_trials": size}


def train(store: Store, sweep_id: str, size: int) -> str:
    """Have three quarters of a sweep's trials end well, ten more run, and the rest wait; returns a pack.

    It was submitted with `large_spec`. All of its trials are drawn, and MLflow has what has ended.
    """
    while store.write(lambda session: draw(session, sweep_id, ROWS_PER_WRITE)):
        pass
    ended = size * 3 // 4 // ROWS * ROWS
    values = [random.Random(number).random() for number in range(ended + ROWS)]  # noqa: S311 (no secret)
    now = store.now()
    written: list[tuple[type, Iterator[dict[str, Any]]]] = [
        (Pack, packs(sweep_id, ended, now)),
        (PackRow, pack_rows(sweep_id, ended)),
        (Report, reports(sweep_id, values, now)),
        (Event, events(sweep_id, ended, now)),
    ]
    for model, rows in written:
        for portion in portions(rows):
            store.write(lambda session, m=model, p=portion: session.execute(insert(m.__table__), p))  # type: ignore[misc]
    for portion in portions({"i": trial_id(sweep_id, n), "v": v} for n, v in enumerate(values)):
        store.write(lambda session, p=portion: session.execute(text(MEASURE), p))  # type: ignore[misc]
    marks = {"sweep": sweep_id, "ended": ended, "running": ended + ROWS, "rows": ROWS, "now": now}
    for statement in (WITHDRAW, WAIT, SUCCEED, RUN, MIRROR, MIRROR_SWEEP, START):
        store.write(lambda session, s=statement: session.execute(text(s), marks))  # type: ignore[misc]
    return pack_id(sweep_id, ended)


def draw(session: Session, sweep_id: str, count: int) -> int:
    """Draw so many more trials; returns how many there were left."""
    return len(drawing.draw(session, sweeps.lock(session, sweep_id), count))


def trial_id(sweep_id: str, number: int) -> str:
    """The id of a trial."""
    return f"{sweep_id}-{number:04d}"


def pack_id(sweep_id: str, number: int) -> str:
    """The id of the pack that trained a trial."""
    return f"{sweep_id}-{number // ROWS}"


def packs(sweep_id: str, ended: int, now: int) -> Iterator[dict[str, Any]]:
    """The packs of all trials that have ended, and one that runs."""
    for number in range(0, ended + ROWS, ROWS):
        runs = number == ended
        yield {
            "id": pack_id(sweep_id, number),
            "sweep_id": sweep_id,
            "shape": 0,
            "kind": "cpu",
            "width": ROWS,
            "start_epoch": 0,
            "target_epoch": EPOCHS,
            "state": "running" if runs else "closed",
            "sends": 1,
            "created_at": now - MINUTE,
            "leased_at": now - MINUTE,
            "token": pack_id(sweep_id, number),
            "expires_at": now + 600 * MINUTE if runs else now - 90 * MINUTE,
            "worker": "worker",
            "closed_at": None if runs else now - MINUTE,
            "outcome": None if runs else "reached epoch 6",
            "busy_ms": 1000,
            "work_ms": 900,
        }


def pack_rows(sweep_id: str, ended: int) -> Iterator[dict[str, Any]]:
    """The row of each trial that has trained."""
    for number in range(ended + ROWS):
        yield {
            "pack_id": pack_id(sweep_id, number),
            "row": number % ROWS,
            "trial_id": trial_id(sweep_id, number),
        }


def reports(sweep_id: str, values: Sequence[float], now: int) -> Iterator[dict[str, Any]]:
    """Every epoch of each trial that has trained, with six metrics."""
    for number, value in enumerate(values):
        for epoch in range(1, EPOCHS + 1):
            metrics = dict.fromkeys(METRICS, value * epoch / EPOCHS)
            place = {"trial_id": trial_id(sweep_id, number), "epoch": epoch}
            yield place | {"pack_id": pack_id(sweep_id, number), "at": now - MINUTE, "metrics": metrics}


def events(sweep_id: str, ended: int, now: int) -> Iterator[dict[str, Any]]:
    """The events of all packs that have ended: every epoch, and the start and the end of every trial."""
    for number in range(ended):
        trial = {"trial": trial_id(sweep_id, number), "number": number, "failure": None}
        moved = [("trial", trial | {"state": state}) for state in ("running", "succeeded")]
        if number % ROWS == 0:
            scores = dict.fromkeys((trial_id(sweep_id, number + row) for row in range(ROWS)), 0.5)
            pack = {"pack": pack_id(sweep_id, number), "values": scores}
            moved += [("epoch", pack | {"epoch": epoch}) for epoch in range(1, EPOCHS + 1)]
        for kind, data in moved:
            yield {"tx": 0, "at": now - MINUTE, "sweep_id": sweep_id, "kind": kind, "data": data}


def portions(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows in portions of one write each."""
    portion: list[dict[str, Any]] = []
    for row in rows:
        portion.append(row)
        if len(portion) == ROWS_PER_WRITE:
            yield portion
            portion = []
    if portion:
        yield portion


MEASURE = "UPDATE trials SET best_epoch = 1, best_value = :v, last_value = :v WHERE id = :i"
WITHDRAW = "UPDATE packs SET state = 'withdrawn' WHERE sweep_id = :sweep AND state = 'queued'"
WAIT = "UPDATE trials SET state = 'pending', pack_id = NULL WHERE sweep_id = :sweep AND state = 'queued'"
SUCCEED = """
UPDATE trials SET state = 'succeeded', epoch = target_epoch, attempts = 1,
    started_at = created_at, finished_at = :now
WHERE sweep_id = :sweep AND number < :ended
"""
RUN = """
UPDATE trials SET state = 'running', epoch = 3, attempts = 1, started_at = created_at,
    pack_id = :sweep || '-' || (number / :rows)
WHERE sweep_id = :sweep AND number >= :ended AND number < :running
"""
MIRROR = """
UPDATE mirror_trials SET run_id = trial_id, exported_epoch = 6, exported_state = 'succeeded'
WHERE trial_id IN (SELECT id FROM trials WHERE sweep_id = :sweep AND number < :ended)
"""
MIRROR_SWEEP = """
UPDATE mirror_sweeps SET experiment_id = '1', run_id = 'run', mirrored_at = :now + 3600000
WHERE sweep_id = :sweep
"""
START = "UPDATE sweeps SET started_at = created_at WHERE id = :sweep"
