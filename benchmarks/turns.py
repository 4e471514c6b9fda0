"""Sides of a benchmark that take turns: each a process that measures once for each line of its input."""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence


def serve(seconds: Callable[[], float]) -> None:
    """Write what a side measures, in seconds, for each line of the input."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        sys.stdout.write(f"{seconds()}\n")
        sys.stdout.flush()


def medians(
    module: str, sides: Mapping[str, Sequence[str]], rounds: int, settings: Mapping[str, str]
) -> dict[str, float]:
    """Return the median milliseconds of each side over the rounds.

    A side is `python -m MODULE serve …` with its own arguments and these settings; all start before the first
    round, and in each round they measure one after the other.
    """
    running = {
        name: subprocess.Popen(
            [sys.executable, "-m", module, "serve", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **settings},
        )
        for name, arguments in sides.items()
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for side in running.values():
        assert side.stdout
        side.stdout.readline()
    for _ in range(rounds):
        for name, side in running.items():
            assert side.stdin
            assert side.stdout
            side.stdin.write("go\n")
            side.stdin.flush()
            times[name].append(float(side.stdout.readline()))
    for side in running.values():
        side.communicate()
    return {name: statistics.median(found) * 1e3 for name, found in times.items()}
