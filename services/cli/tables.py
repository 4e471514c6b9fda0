"""Tables of sweeps and trials, as people see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from services.cli.curve import sparkline
from services.domain.trial import short_value

View = Mapping[str, Any]
LOOKS = {"succeeded": "green", "failed": "red", "partial": "yellow", "cancelled": "yellow", "running": "cyan"}


def sweeps(views: Sequence[View]) -> Table:
    """One line a sweep, newest first as the API sends them."""
    table = _table("id", "name", "project", "state", "trials", "best", "created")
    for view in views:
        table.add_row(
            view["id"],
            escape(view["name"]),
            escape(view["project"]),
            state(view["state"]),
            _reached(view["trials"]),
            _best(view),
            when(view["created_at"]),
        )
    return table


def leaderboard(sweep: View, trials: Sequence[View]) -> Table:
    """Trials in the order given, best first, with a column for each axis."""
    axes = sweep["axes"]
    objective = sweep["objective"]
    columns = headings([axis["path"] for axis in axes])
    table = _table("", "trial", *columns, objective["metric"], "epoch", "state", "id")
    for place, trial in enumerate(trials, 1):
        table.add_row(
            str(place),
            f"t{trial['number']:03d}",
            *(label(trial["values"].get(axis["path"]), axis["values"]) for axis in axes),
            number(objective_value(sweep, trial)),
            f"{trial['epoch']}/{trial['target_epoch']}",
            state(trial["state"]),
            trial["id"],
        )
    return table


def facts(rows: Mapping[str, Any]) -> Text:
    """Names and values in two columns, unpadded at the right; what is None is left out."""
    known = {name: value for name, value in rows.items() if value is not None}
    width = max(map(len, known), default=0)
    return Text("\n").join(
        Text(f"{name:<{width}}  ").append(value if isinstance(value, Text) else str(value))
        for name, value in known.items()
    )


def curves(curve: Sequence[View], objective: str, best: View | None) -> Table:
    """One line a metric: its curve, its first and its last value, and of the objective the best one."""
    table = _table("metric", "epochs", "first", "last", "best")
    for name in sorted({name for point in curve for name in point["metrics"]}):
        values = [float(point["metrics"][name]) for point in curve if point["metrics"].get(name) is not None]
        peak = f"{number(best['value'])} in epoch {best['epoch']}" if best and name == objective else ""
        table.add_row(name, sparkline(values), number(values[0]), number(values[-1]), peak)
    return table


def attempts(views: Sequence[View]) -> Table:
    """One line for each pack the trial has been in."""
    table = _table("pack", "row", "device", "from epoch", "state", "outcome")
    for view in views:
        table.add_row(
            view["pack"],
            f"{view['row']} of {view['width']}",
            escape(str(view["device"] or "")),
            str(view["start_epoch"]),
            state(view["state"]),
            escape(str(view["outcome"] or "")),
        )
    return table


def objective_value(sweep: View, trial: View | None) -> float | None:
    """A trial's value of the objective: of its best epoch, or of its last where the sweep says so."""
    if trial is None:
        return None
    if sweep["objective"]["at"] == "last":
        value = trial["last"]
    else:
        value = trial["best"] and trial["best"]["value"]
    return None if value is None else float(value)


def label(value: Any, choices: Sequence[Any]) -> str:
    """An axis's value in few words: an entry by its name, and by what tells it from others of that name."""
    if not isinstance(value, Mapping):
        return escape(short_value(value))
    alike = [
        choice
        for choice in choices
        if isinstance(choice, Mapping) and choice.get("name") == value.get("name")
    ]
    apart = [key for key in value if any(choice.get(key) != value[key] for choice in alike)]
    if "name" not in value and len(apart) <= 1:  # under the axis l2, {strength: 0.001, on: weights} is 0.001
        return escape(short_value(value[apart[0]] if apart else next(iter(value.values()), "")))
    name = [short_value(value)] if "name" in value else []
    return escape(" ".join([*name, *(f"{key}={short_value(value[key])}" for key in apart)]))


def headings(paths: Sequence[str]) -> list[str]:
    """The last part of each path, where that is enough to tell them apart."""
    leaves = [path.rsplit(".", 1)[-1] for path in paths]
    return [leaf if leaves.count(leaf) == 1 else path for leaf, path in zip(leaves, paths, strict=True)]


def state(name: str) -> Text:
    """A state in its colour."""
    return Text(name, style=LOOKS.get(name, ""))


def number(value: float | None) -> str:
    """Four significant digits; nothing for no value."""
    return "" if value is None else f"{value:.4g}"


def when(moment: str) -> str:
    """An RFC 3339 time as the local clock shows it, with that clock's distance from UTC."""
    return datetime.fromisoformat(moment).astimezone().isoformat(" ", "seconds")


def many(count: int, noun: str) -> str:
    """A count with its noun: `1 trial`, `18 trials`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _reached(counts: View) -> str:
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    return f"{counts['succeeded'] + counts['pruned']}/{counts['total']}{failed}"


def _best(sweep: View) -> str:
    value = objective_value(sweep, sweep["best"])
    return "" if value is None else f"{escape(sweep['objective']['metric'])} {number(value)}"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table
