"""The same grids through this service and through what one would use instead, end to end.

    python -m benchmarks.rivals [--rounds 3] [--nets lenet5,mlp] [--sides service,tuned] [--small]

For each net every side is started and computes the grid once, cold: from the start of its first process. Then
all sides compute it in turn, round after round, warm. At last sweeps of 1 to 96 trials show how cost grows.
Every run is a line of build/bench/results.jsonl at once; `--report` makes tables and plot from that file, and
`--add` measures more of the last benchmark: other nets, or one that was cut short.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.rivals import environment, plot, records, table
from benchmarks.rivals.machine import load, machine
from benchmarks.rivals.measuring import Measuring, say
from benchmarks.rivals.side import SIDES
from benchmarks.rivals.task import GRIDS

HOME = environment.ROOT / "build" / "bench"
PLOT = environment.ROOT / "docs" / "img" / "bench.svg"
TITLES = {name: side.title for name, side in SIDES.items()}
GROWTH = "growth"  # beside the nets: the sweeps of 1 to 96 trials


def names(allowed: list[str]) -> Callable[[str], list[str]]:
    """Return a reader of names separated by commas."""

    def read(value: str) -> list[str]:
        chosen = value.split(",")
        if unknown := sorted(set(chosen) - set(allowed)):
            raise argparse.ArgumentTypeError(
                f"must be some of {', '.join(allowed)}, separated by commas; got {', '.join(unknown)}"
            )
        return [name for name in allowed if name in chosen]

    return read


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rivals", description=(__doc__ or "").split("\n")[0]
    )
    nets, sides = [*GRIDS, GROWTH], list(SIDES)
    parser.add_argument("--rounds", type=int, default=3, help="warm rounds (default 3)")
    parser.add_argument("--nets", type=names(nets), default=nets, help=", ".join(nets))
    parser.add_argument("--sides", type=names(sides), default=sides, help=", ".join(sides))
    parser.add_argument("--data", default="fashion-mnist-mini", help="or mnist, fashion-mnist (CNNLAB_DATA)")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds after which a run has failed")
    parser.add_argument("--small", action="store_true", help="a few images, to see that every side runs")
    parser.add_argument("--add", action="store_true", help="add to the last benchmark instead of a new one")
    parser.add_argument("--report", action="store_true", help="only report the last benchmark again")
    parser.add_argument("--plot", type=Path, default=PLOT, help=f"where the plot goes (default {PLOT})")
    return parser.parse_args(arguments)


def setting() -> str:
    """Describe date, machine and versions in a line."""
    return f"{time.strftime('%Y-%m-%d %H:%M')}, {machine()}, {load()}."


def report(file: Path, to: Path) -> None:
    """Write and print tables and plot of the last benchmark in the file."""
    everything = records.read(file)
    if not everything:
        raise SystemExit(f"{file} has no results yet")
    last = [record for record in everything if record["began"] == everything[-1]["began"]]
    page = table.page(last, TITLES, last[0]["machine"])
    (HOME / "table.md").write_text(page, encoding="utf-8")
    to.write_text(plot.svg(last, TITLES), encoding="utf-8")
    say(f"\n{page}\nTables: {HOME / 'table.md'}; plot: {to}; every run: {file}")


def main() -> None:
    """Measure what was asked for, then report."""
    chosen = options()
    for folder in ("data", "logs"):
        (HOME / folder).mkdir(parents=True, exist_ok=True)
    plotted = HOME / "small.svg" if chosen.small else chosen.plot
    file = HOME / "results.jsonl"
    if not chosen.report:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that every side is ended
        python = environment.make(HOME / "rivals")
        measuring = Measuring(
            python, HOME, chosen.data, chosen.sides, chosen.rounds, chosen.limit, chosen.small, setting()
        )
        if chosen.add:
            measuring.go_on_from(records.read(file))
        for net in chosen.nets:
            if net == GROWTH:
                measuring.grow()
            else:
                measuring.compare(net)
    report(file, plotted)


if __name__ == "__main__":
    main()
