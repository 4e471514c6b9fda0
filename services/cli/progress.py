"""Watching a sweep: a line that moves on a terminal, a line for each change elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table

from services.cli import leaderboard
from services.cli.output import Output
from services.cli.tables import View, many


def follow(views: Iterable[View], output: Output) -> View:
    """Show each view of a sweep as it comes; returns the last one."""
    if output.as_json:
        return _each_change(views, lambda view: output.result(dict(view)))
    if not output.console.is_terminal:
        return _each_change(views, lambda view: output.console.print(in_words(view), markup=False))
    return _live(views, output.console)


def in_words(view: View) -> str:
    """Where a sweep stands, in one line."""
    counts, epochs = view["trials"], view["epochs"]
    parts = [f"{counts['succeeded'] + counts['pruned']} of {many(counts['total'], 'trial')} done"]
    parts += [f"{counts[name]} {name}" for name in ("running", "failed", "cancelled") if counts[name]]
    parts.append(f"{epochs['done']}/{many(epochs['total'], 'epoch')}")
    if view["eta_seconds"]:
        parts.append(f"about {duration(view['eta_seconds'])} left")
    if view["best"] is not None:
        found = leaderboard.titled(view["best"])
        parts.append(f"best {view['objective']['metric']} {view['best']['text']} ({found})")
    if view["waiting_for"]:
        parts.append(str(view["waiting_for"]))
    return f"{view['name']} {view['state']}: " + ", ".join(parts)


def price(view: View) -> str | None:
    """What the sweep cost in units of one trial trained alone, once that is known."""
    cost = view["price"]
    return cost and f"{many(cost['trials'], 'trial')} for the work of {cost['alone']:.1f} trained one by one"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60} s" if whole < 5400 else f"{whole // 3600} h {whole % 3600 // 60} min"
    )


def _each_change(views: Iterable[View], show: Any) -> View:
    seen, last = None, None
    for view in views:
        news = (view["state"], view["trials"], view["epochs"]["done"], view["waiting_for"])
        if news != seen:
            show(view)
        seen, last = news, view
    assert last is not None, "a sweep has at least one view"
    return last


def _live(views: Iterable[View], console: Console) -> View:
    last = None
    # No refresh thread: this process may start others, and a fork wants a single thread.
    with Live(console=console, auto_refresh=False) as live:
        for view in views:
            last = view
            live.update(_bar(view), refresh=True)
    assert last is not None, "a sweep has at least one view"
    return last


def _bar(view: View) -> Table:
    table = Table.grid()
    table.add_row(
        ProgressBar(total=max(view["epochs"]["total"], 1), completed=view["epochs"]["done"], width=60)
    )
    table.add_row(escape(in_words(view)))
    cost = price(view)
    if cost:
        table.add_row(cost)
    return table
