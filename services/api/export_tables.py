"""A sweep's trials and curves as tables, read in batches so that a sweep of any size needs little memory."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, Literal

from services import escaping
from services.api.views.values import rfc3339
from services.domain.config import as_trained
from services.domain.plan.plan import Plan
from services.domain.plan.reported_metrics import reported_metrics
from services.store import export_rows
from services.store.export_rows import CurveRow, TrialRow
from services.store.models import Sweep
from services.store.session import Store

Format = Literal["csv", "json"]
Row = dict[str, Any]
CurvePage = list[tuple[CurveRow, dict[str, str]]]  # each with its metrics
log = logging.getLogger(__name__)
ROWS_PER_READ = 1000  # trials or reports
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
COLUMNS_BEFORE_AXES = ("trial", "number", "point", "replicate", "state")
COLUMNS_AFTER_AXES = (
    *("seed", "best_value", "best_epoch", "last_value", "epochs", "target_epochs", "attempts"),
    *("started_at", "finished_at", "failure", "message", "reused_from"),
)
COLUMNS_BEFORE_METRICS = ("trial", "number", "point", "replicate", "epoch", "at")
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_NUMBERS_AS_TEXT = json.JSONDecoder(parse_float=str, parse_int=str)


def trial_columns(plan: Plan) -> list[str]:
    """The columns of the table of trials, among them one for each axis, named by its path."""
    return [*_with_fold(COLUMNS_BEFORE_AXES, plan), *(axis.path for axis in plan.axes), *COLUMNS_AFTER_AXES]


def _with_fold(columns: Sequence[str], plan: Plan) -> list[str]:
    """The columns with `fold` behind `replicate`, if the sweep has folds."""
    behind = columns.index("replicate") + 1
    return [*columns[:behind], *(["fold"] if plan.folds > 1 else []), *columns[behind:]]


def trial_rows(store: Store, sweep: Sweep) -> Iterator[Row]:
    """The sweep's trials by number; an axis that a trial does not have is left out."""
    for trial in _trials(store, sweep.id):
        failure = trial.failure or {}
        yield {
            "trial": trial.id,
            "number": trial.number,
            "point": trial.point,
            "replicate": trial.replicate,
            "fold": sweep.plan.repeats.named_fold(trial.replicate),
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
            "reused_from": trial.reused_from,
        }


def curves(store: Store, sweep: Sweep, format: Format) -> Iterator[bytes]:
    """Every reported epoch, trial by trial, as `written` has a table; a column for each metric.

    The columns are of the metrics that the sweep's trials are to report, and of others that the first page
    has: to look for them in all reports would take longer than to send these. A metric that comes up later
    has no column in CSV; in JSON it is in its rows.
    """
    pages = _curve_pages(store, sweep.id)
    first = next(pages, [])
    found = {name for _, metrics in first for name in metrics}
    names = sorted(found.union(reported_metrics(sweep.plan)))
    every, plan = chain([first], pages), sweep.plan
    return _curves_as_csv(names, every, plan) if format == "csv" else _curves_as_json(names, every, plan)


def written(columns: Sequence[str], rows: Iterable[Row], format: Format) -> Iterator[bytes]:
    """The table as CSV (RFC 4180) with a header, or as a JSON array with one object per row."""
    return _csv(columns, rows) if format == "csv" else _json(columns, rows)


def filename(sweep: Sweep, table: str, format: Format) -> str:
    """The file's name in ASCII: the sweep's name and id, in characters that every system allows."""
    return _filename(re.sub(r"[^A-Za-z0-9._-]+", "-", sweep.name), sweep, table, format)


def unicode_filename(sweep: Sweep, table: str, format: Format) -> str:
    """The same with all letters of the sweep's name, without the signs that some system forbids."""
    return _filename(re.sub(r'[/\\:*?"<>|]+', "-", sweep.name), sweep, table, format)


def _filename(name: str, sweep: Sweep, table: str, format: Format) -> str:
    """A name that is neither hidden nor taken for an option, as one would be that begins with . or -."""
    return "-".join([*filter(None, [name.strip("-. ")]), sweep.id, f"{table}.{format}"])


def cell(value: Any) -> str:
    """A value in CSV: empty for None; text is escaped, a number is as JSON has it."""
    if type(value) is float:
        return repr(value)
    if value is None:
        return ""
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
        part.append(f"{before}{_ENCODER.encode(shown)}")
        before = ",\n"
        if len(part) == ROWS_PER_READ:
            yield "".join(part).encode()
            part.clear()
    yield "".join([*part, "[]\n" if before == "[\n" else "\n]\n"]).encode()


def _curves_as_csv(names: Sequence[str], pages: Iterable[CurvePage], plan: Plan) -> Iterator[bytes]:
    """Numbers as they are stored: neither they nor a trial's id and time need quotes."""
    lines = [",".join([*_with_fold(COLUMNS_BEFORE_METRICS, plan), *map(cell, names)])]
    left_out: set[str] = set()
    for page in pages:
        for row, metrics in page:
            values = [metrics.get(name, "") for name in names]
            fold = plan.repeats.named_fold(row.replicate)
            replicate = row.replicate if fold is None else f"{row.replicate},{fold}"
            place = f"{row.id},{row.number},{row.point},{replicate},{row.epoch},{rfc3339(row.at)}"
            lines.append(",".join([place, *values]))
            left_out.update(metrics.keys() - names)
        yield "".join(f"{line}\r\n" for line in lines).encode()
        lines.clear()
    if left_out:
        log.warning("an export of curves has no columns for %s", ", ".join(sorted(left_out)))


def _curves_as_json(names: Sequence[str], pages: Iterable[CurvePage], plan: Plan) -> Iterator[bytes]:
    """Metrics as they are stored, followed by null for those that a row does not have."""
    nulls = {name: f"{json.dumps(name)}: null" for name in names}
    before = "[\n"
    for page in pages:
        part: list[str] = []
        for row, metrics in page:
            fold = plan.repeats.named_fold(row.replicate)
            of_fold = "" if fold is None else f'"fold": {fold}, '
            place = (
                f'"trial": "{row.id}", "number": {row.number}, "point": {row.point}, '
                f'"replicate": {row.replicate}, {of_fold}"epoch": {row.epoch}, "at": "{rfc3339(row.at)}"'
            )
            missing = [nulls[name] for name in names if name not in metrics]
            stored = [row.metrics[1:-1]] if metrics else []
            part.append(f"{before}{{{', '.join([place, *stored, *missing])}}}")
            before = ",\n"
        yield "".join(part).encode()
    yield b"[]\n" if before == "[\n" else b"\n]\n"


def _trials(store: Store, sweep_id: str) -> Iterator[TrialRow]:
    last = -1
    while batch := store.read(
        partial(export_rows.trials, sweep_id=sweep_id, limit=ROWS_PER_READ, number=last)
    ):
        yield from batch
        last = batch[-1].number


def _curve_pages(store: Store, sweep_id: str) -> Iterator[CurvePage]:
    """Reports in pages, each with its metrics; numbers stay text, which is what a table needs."""
    number, epoch = -1, 0
    while batch := store.read(
        partial(export_rows.curves, sweep_id=sweep_id, limit=ROWS_PER_READ, number=number, epoch=epoch)
    ):
        yield [(row, _NUMBERS_AS_TEXT.decode(row.metrics)) for row in batch]
        number, epoch = batch[-1].number, batch[-1].epoch
