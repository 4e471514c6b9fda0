"""Is search worth it? Record curves, replay methods on them, time some, and write docs/search.md.

    python -m benchmarks.search_study [record|replay|wall|report] [--python INTERPRETER]
    python -m benchmarks.search_study take SPACE SWEEP

Without a part all four follow one another. `record` trains both spaces wholly, for about a quarter of
an hour on two idle cores; `replay` takes two minutes, `wall` trains three rounds of six methods. `take`
writes the curves of a sweep that a running service has trained from the same file: the one of this folder, or
that of CNNLAB_URL and CNNLAB_API_KEY. Ray and Optuna run in the environment of `make bench`, or in that of
another interpreter.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.rivals import environment, records
from benchmarks.search_study import page, recording, regret_plot, replays, wall
from benchmarks.search_study.recorded_curves import SPACES, read_all
from benchmarks.search_study.summary import summarize
from services.cli.connection import connect
from services.cli.errors import CliError

RIVALS = environment.ROOT / "build" / "bench" / "rivals"
PAGE = environment.ROOT / "docs" / "search.md"
PLOT = environment.ROOT / "docs" / "img" / "search.svg"
PARTS = ("record", "replay", "wall", "report")


def options(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search_study", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "part", nargs="?", choices=(*PARTS, "take"), help="what to do (default: all but take)"
    )
    parser.add_argument("space", nargs="?", choices=SPACES, help="of take: which space the sweep has trained")
    parser.add_argument("sweep", nargs="?", help="of take: the sweep's id")
    parser.add_argument("--python", type=Path, help="an interpreter that has ray[tune], optuna and torch")
    chosen = parser.parse_args(arguments)
    if chosen.part == "take" and chosen.sweep is None:
        parser.error("take needs the space and the sweep's id")
    return chosen


def take(sweep_id: str, space: str) -> None:
    """Write the curves of a sweep of a running service."""
    try:
        with connect(os.environ.get("CNNLAB_URL"), os.environ.get("CNNLAB_API_KEY")) as client:
            recording.take(client, sweep_id, space)
    except CliError as error:
        raise SystemExit(str(error)) from None


def report() -> None:
    """Write page and plot from the recorded files."""
    recorded, replayed = read_all(), replays.read()
    PAGE.write_text(page.page(recorded, replayed, records.read(wall.FILE)), encoding="utf-8")
    summaries = {name: summarize(recorded[name], space.methods) for name, space in replayed.items()}
    PLOT.write_text(regret_plot.svg(summaries, SPACES), encoding="utf-8")


def main() -> None:
    """Do one part, or all."""
    chosen = options(sys.argv[1:])
    if chosen.part == "take":
        take(chosen.sweep, chosen.space)
        return

    def python() -> Path:
        return chosen.python or environment.make(RIVALS)

    parts: dict[str, Callable[[], None]] = {
        "record": lambda: recording.record(list(SPACES)),
        "replay": lambda: replays.replay_all(python()),
        "wall": lambda: wall.measure(python()),
        "report": report,
    }
    for part in [chosen.part] if chosen.part else PARTS:
        parts[part]()


if __name__ == "__main__":
    main()
