"""Tables that several commands print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from services.cli.show.curve import sparkline
from services.cli.show.formats import number, state
from services.client import View


def facts(rows: Mapping[str, Any]) -> Text:
    """Names and values in two columns, without trailing spaces; a value that is None is left out."""
    known = {name: value for name, value in rows.items() if value is not None}
    width = max(map(len, known), default=0)
    return Text("\n").join(
        Text(f"{name:<{width}}  ").append(value if isinstance(value, Text) else str(value))
        for name, value in known.items()
    )


def curves(curve: Sequence[View], objective: str, best: View | None) -> Table:
    """One line for each metric: its curve, first and last value, and for the objective the best value."""
    shown = table("metric", "epochs", "first", "last", "best")
    for name in sorted({name for point in curve for name in point["metrics"]}):
        values = [float(point["metrics"][name]) for point in curve if point["metrics"].get(name) is not None]
        peak = f"{number(best['value'])} in epoch {best['epoch']}" if best and name == objective else ""
        shown.add_row(name, sparkline(values), number(values[0]), number(values[-1]), peak)
    return shown


def attempts(views: Sequence[View]) -> Table:
    """One line for each pack that held the trial."""
    shown = table("pack", "row", "device", "from epoch", "state", "outcome")
    for view in views:
        shown.add_row(
            view["pack"],
            f"{view['row']} of {view['width']}",
            str(view["device"] or ""),
            str(view["start_epoch"]),
            state(view["state"]),
            str(view["outcome"] or ""),
        )
    return shown


def table(*columns: str) -> Table:
    """An empty table with these columns and without borders."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, no_wrap=True)
    return shown
