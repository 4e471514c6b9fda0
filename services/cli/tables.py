"""Tables, and the few forms in which people see values: numbers, times, states, counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from services.cli.curve import sparkline

View = Mapping[str, Any]
LOOKS = {"succeeded": "green", "failed": "red", "partial": "yellow", "cancelled": "yellow", "running": "cyan"}


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
    shown = table("metric", "epochs", "first", "last", "best")
    for name in sorted({name for point in curve for name in point["metrics"]}):
        values = [float(point["metrics"][name]) for point in curve if point["metrics"].get(name) is not None]
        peak = f"{number(best['value'])} in epoch {best['epoch']}" if best and name == objective else ""
        shown.add_row(name, sparkline(values), number(values[0]), number(values[-1]), peak)
    return shown


def attempts(views: Sequence[View]) -> Table:
    """One line for each pack the trial has been in."""
    shown = table("pack", "row", "device", "from epoch", "state", "outcome")
    for view in views:
        shown.add_row(
            view["pack"],
            f"{view['row']} of {view['width']}",
            escape(str(view["device"] or "")),
            str(view["start_epoch"]),
            state(view["state"]),
            escape(str(view["outcome"] or "")),
        )
    return shown


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


def table(*columns: str) -> Table:
    """An empty table of these columns, without lines around it."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, no_wrap=True)
    return shown
