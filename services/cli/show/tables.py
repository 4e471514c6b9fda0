"""Tables that several commands print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from services.cli.show.curve import sparkline
from services.cli.show.fitted_table import FittedTable
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


def curves(
    curve: Sequence[View], objective: str, best: View | None, classes: Mapping[str, str]
) -> FittedTable:
    """One line for each metric: its curve, first and last value, and for the objective the best value.

    A metric of one class has the class's name beside it, where `classes` has it: {"recall-0": "cats"}.
    """
    shown = table("metric", "epochs", "first", "last", "best", spare=(1,))
    for name in sorted({name for point in curve for name in point["metrics"]}):
        values = [float(point["metrics"][name]) for point in curve if point["metrics"].get(name) is not None]
        peak = f"{number(best['value'])} in epoch {best['epoch']}" if best and name == objective else ""
        of = classes.get(name.rpartition("/")[2])
        shown.add_row(
            f"{name} ({of})" if of else name, sparkline(values), number(values[0]), number(values[-1]), peak
        )
    return shown


def attempts(views: Sequence[View]) -> FittedTable:
    """One line for each pack that held the trial."""
    shown = table("pack", "row", "device", "from epoch", "state", "outcome", spare=(2, 1), prose=True)
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


def table(*columns: str, spare: Sequence[int] = (), prose: bool = False) -> FittedTable:
    """An empty table; columns in `spare`, by index, are left out in this order where there is no room.

    `prose`: the last column is text, broken between words in its place.
    """
    return FittedTable(columns, spare, prose)
