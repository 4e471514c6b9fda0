"""A sweep's progress: one moving line on a terminal, elsewhere a line for each change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from services.cli.show import hold_ups, leaderboard
from services.cli.show.formats import duration, many
from services.cli.show.output import Output
from services.client import View

BAR_WIDTH = 60  # columns


def follow(views: Iterable[View], output: Output) -> View:
    """Show each view of a sweep as it comes; returns the last one."""
    if output.as_json:
        return _each_change(views, output.result)
    if not output.console.is_terminal:
        return _each_change(views, _Lines(output).show)
    return _live(views, output.console)


def summary(sweep: View) -> str:
    """A sweep's state, progress, remaining time and best point, in one line.

    While it is blocked no trial is called running: one whose attempt is about to fail is no progress.
    """
    counts, epochs = sweep["trials"], sweep["epochs"]
    held = hold_ups.blocked(sweep)
    parts = [f"{counts['succeeded'] + counts['pruned']} of {many(counts['total'], 'trial')} done"]
    names = (
        ("pruned", "failed", "cancelled") if held else ("running", "held", "pruned", "failed", "cancelled")
    )
    parts += [f"{counts[name]} {name}" for name in names if counts[name]]
    reused = f", {epochs['reused']} of them reused" if epochs["reused"] else ""
    parts.append(f"{epochs['done']}/{many(epochs['total'], 'epoch')}{reused}")
    if sweep["eta_seconds"]:
        parts.append(f"about {duration(sweep['eta_seconds'])} left")
    if sweep["best"] is not None:
        best = sweep["best"]
        parts.append(f"best {sweep['objective']['metric']} {best['text']} ({leaderboard.titled(best)})")
    if ended := sweep["ended_by"]:
        parts.append(f"ended by {ended['rule']}: {ended['reason']}")
    state = f"{sweep['state']}, blocked" if held and sweep["state"] != "paused" else sweep["state"]
    return f"{sweep['name']} {state}: " + ", ".join(parts)


def cost(sweep: View) -> str | None:
    """The device time of training side by side, compared with plain loops; None until it is known."""
    return None if sweep["cost"] is None else str(sweep["cost"]["explained"])


def _each_change(views: Iterable[View], show: Callable[[View], None]) -> View:
    shown, last = None, None
    for view in views:
        progress = (
            *(view["state"], view["trials"], view["epochs"]["done"]),
            [blocker["kind"] for blocker in view["blockers"]],
            [(setback["at"], setback["message"]) for setback in view["setbacks"]],
        )
        if progress != shown:
            show(view)
        shown, last = progress, view
    assert last is not None, "a sweep has at least one view"
    return last


class _Lines:
    """Prints reports one below the other; a note that stops no training is printed once."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._noted: set[str] = set()

    def show(self, view: View) -> None:
        """Print what there is to say of a view."""
        self._output.message(_report(view, self._noted))
        self._noted |= hold_ups.notes(view)


def _live(views: Iterable[View], console: Console) -> View:
    last = None
    # No refresh thread: this process may start others, and a fork wants a single thread.
    with Live(console=console, auto_refresh=False) as live:
        for view in views:
            last = view
            live.update(_bar(view), refresh=True)
    assert last is not None, "a sweep has at least one view"
    return last


def _bar(sweep: View) -> Table:
    epochs = sweep["epochs"]
    grid = Table.grid()
    grid.add_row(ProgressBar(total=max(epochs["total"], 1), completed=epochs["done"], width=BAR_WIDTH))
    grid.add_row(_report(sweep))
    if spent := cost(sweep):
        grid.add_row(spent)
    return grid


def _report(sweep: View, noted: Collection[str] = ()) -> str:
    return "\n".join([summary(sweep), *hold_ups.hold_ups(sweep, said=noted)])
