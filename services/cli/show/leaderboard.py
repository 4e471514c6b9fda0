"""Points of a sweep as commands print them: values, mean with interval, trials, the best two compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.cli.show.fitted_table import FittedTable
from services.cli.show.formats import number
from services.cli.show.tables import table
from services.client import View


def leaderboard(sweep: View, points: Sequence[View]) -> FittedTable:
    """Points in the order given, a column for each axis that varies; blank where it is inactive."""
    columns = [cell["name"] for cell in points[0]["cells"]] if points else []
    single = sweep["seeds"] * sweep["folds"] == 1
    repeated = "folds" if sweep["folds"] > 1 else "seeds"
    last = "trial" if single else "trials"
    # The axes' columns stay: by index, because an axis can have the name of another column.
    spare = (-2, -3, -1) if single else (-2, -1, -3)
    shown = table("#", "point", *columns, sweep["objective"]["metric"], repeated, "epoch", last, spare=spare)
    for place, point in enumerate(points, 1):
        trials = point["trials"]
        shown.add_row(
            str(place),
            str(point["point"]),
            *(cell["text"] or "" for cell in point["cells"]),
            point["text"] or "",
            _counted(point),
            _epochs(trials),
            " ".join(trial["id"] for trial in trials) if single else _states(trials),
        )
    return shown


def replicates(point: View) -> FittedTable:
    """One line for each trial of a point, with its fold where there are folds."""
    folds = point["folds"] > 1
    shown = table(
        *("trial", "replicate", *(["fold"] if folds else []), "value", "epoch", "state", "id"),
        spare=(0, 3 + folds),
    )
    for trial in point["trials"]:
        shown.add_row(
            f"t{trial['number']:03d}",
            str(trial["replicate"]),
            *([str(trial["fold"])] if folds else []),
            number(trial["value"]),
            str(trial["epoch"]),
            trial["state"],
            trial["id"],
        )
    return shown


def comparison(board: View) -> Iterator[str]:
    """Whether the best point differs from the runner-up; of a single point, why it has no interval."""
    if board["comparison"] is not None:
        yield board["comparison"]["words"]
    elif board["points"] and board["points"][0]["note"]:
        yield board["points"][0]["note"]


def titled(point: View) -> str:
    """A point by its number and what varies: `point 7: adam, dropout 0.25`."""
    return f"point {point['point']}: {point['label']}"


def _counted(point: View) -> str:
    failed = f", {point['failed']} failed" if point["failed"] else ""
    return f"{point['n']}/{point['folds'] if point['folds'] > 1 else point['seeds']}{failed}"


def _epochs(trials: Sequence[View]) -> str:
    """How far the trials are: `3`, or `1–3` where they differ."""
    reached = [trial["epoch"] for trial in trials]
    low, high = min(reached, default=0), max(reached, default=0)
    return str(low) if low == high else f"{low}–{high}"


def _states(trials: Sequence[View]) -> str:
    """How many trials are in which state: `4 succeeded, 1 running`."""
    states = [trial["state"] for trial in trials]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
