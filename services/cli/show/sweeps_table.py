"""The list of sweeps that `ls` prints."""

from __future__ import annotations

from collections.abc import Sequence

from services.cli.show.fitted_table import FittedTable
from services.cli.show.formats import state, when
from services.cli.show.tables import table
from services.client import View


def sweeps_table(views: Sequence[View]) -> FittedTable:
    """One line for each sweep, in the order given."""
    columns = ("id", "name", "project", "state", "trials", "best", "created")
    shown = table(*columns, spare=(2, 6, 5, 4))
    for view in views:
        shown.add_row(
            view["id"],
            view["name"],
            view["project"],
            state(f"{view['state']}, blocked") if view["blocked_by"] else state(view["state"]),
            _finished(view["trials"]),
            _best(view),
            when(view["created_at"]),
        )
    return shown


def _finished(counts: View) -> str:
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    return f"{counts['succeeded'] + counts['pruned']}/{counts['total']}{failed}"


def _best(sweep: View) -> str:
    if sweep["best"] is None:
        return ""
    return f"{sweep['objective']['metric']} {sweep['best']['text']}"
