"""A sweep's trials and curves as tables, read in batches so that a sweep of any size needs little memory."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Literal

from services import escaping
from services.api.views.values import rfc3339
from services.domain.config import as_trained
from services.domain.plan.plan import Plan
from services.store import reports, trials
from services.store.models import Report, Sweep, Trial
from services.store.session import Store

Format = Literal["csv", "json"]
Row = dict[str, Any]
ROWS_PER_READ = 500  # trials or reports
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
COLUMNS_BEFORE_AXES = ("trial", "number", "point", "replicate", "state")
COLUMNS_AFTER_AXES = (
    *("seed", "best_value", "best_epoch", "last_value", "epochs", "target_epochs", "attempts"),
    *("started_at", "finished_at", "failure", "message"),
)


def trial_columns(plan: Plan) -> list[str]:
    """The columns of the table of trials, among them one for each axis, named by its path."""
    return [*COLUMNS_BEFORE_AXES, *(axis.path for axis in plan.axes), *COLUMNS_AFTER_AXES]


def trial_rows(store: Store, sweep: Sweep) -> Iterator[Row]:
    """The sweep's trials by number; an axis that a trial does not have is left out."""
    for trial in _trials(store, sweep.id):
        failure = trial.failure or {}
        yield {
            "trial": trial.id,
            "number": trial.number,
            "point": trial.point,
            "replicate": trial.replicate,
            "state": trial.state,
            **as_trained(trial.values),
            "seed": trial.seed,
            "best_value": trial.best_value,
            "best_epoch": trial.best_epoch,
            "last_value": trial.last_value,
            "epochs": trial.epoch,
            "target_epochs": trial.target_epoch,
            "attempts": trial.attempts,
            "started_at": None if trial.started_at is None else rfc3339(trial.started_at),
            "finished_at": None if trial.finished_at is None else rfc3339(trial.finished_at),
            "failure": failure.get("kind"),
            "message": failure.get("message"),
        }


def curve_columns(store: Store, sweep: Sweep) -> list[str]:
    """The columns of the table of curves, among them one for each metric that any trial has reported."""
    metrics = {name: None for _, report in _curves(store, sweep.id) for name in report.metrics}
    return ["trial", "number", "point", "replicate", "epoch", "at", *sorted(metrics)]


def curve_rows(store: Store, sweep: Sweep) -> Iterator[Row]:
    """Every reported epoch, trial by trial."""
    for trial, report in _curves(store, sweep.id):
        yield {
            "trial": trial.id,
            "number": trial.number,
            "point": trial.point,
            "replicate": trial.replicate,
            "epoch": report.epoch,
            "at": rfc3339(report.at),
            **report.metrics,
        }


def written(columns: Sequence[str], rows: Iterable[Row], format: Format) -> Iterator[bytes]:
    """The table as CSV (RFC 4180) with a header, or as a JSON array with one object per row."""
    return _csv(columns, rows) if format == "csv" else _json(columns, rows)


def filename(sweep: Sweep, table: str, format: Format) -> str:
    """The file's name: the sweep's name and id, in characters that every system allows."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', sweep.name)}-{sweep.id}-{table}.{format}"


def cell(value: Any) -> str:
    """A value in CSV: empty for None; text is escaped, a number is as JSON has it."""
    if value is None:
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return escaping.cell(value if isinstance(value, str) else json.dumps(value))


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(map(cell, columns))
    for count, row in enumerate(rows, 1):
        writer.writerow([cell(row.get(column)) for column in columns])
        if count % ROWS_PER_READ == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def _json(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    before, part = "[\n", list[str]()
    for row in rows:
        shown = {column: row.get(column) for column in columns}
        part.append(f"{before}{json.dumps(shown, ensure_ascii=False, allow_nan=False)}")
        before = ",\n"
        if len(part) == ROWS_PER_READ:
            yield "".join(part).encode()
            part.clear()
    yield "".join([*part, "[]\n" if before == "[\n" else "\n]\n"]).encode()


def _trials(store: Store, sweep_id: str) -> Iterator[Trial]:
    last = -1
    while batch := store.read(partial(trials.page, sweep_id=sweep_id, limit=ROWS_PER_READ, after=last)):
        yield from batch
        last = batch[-1].number


def _curves(store: Store, sweep_id: str) -> Iterator[tuple[Trial, Report]]:
    number, epoch = -1, 0
    while batch := store.read(
        partial(reports.page, sweep_id=sweep_id, limit=ROWS_PER_READ, number=number, epoch=epoch)
    ):
        yield from batch
        number, epoch = batch[-1][0].number, batch[-1][1].epoch
