"""The table of real runs: seconds of each method, and whether they are few enough."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.search_study.methods import TITLES
from benchmarks.search_study.recorded_curves import SPACES
from benchmarks.search_study.summary import GRID

MAX_WALL_SHARE = 0.3  # the goal: no more of the grid's seconds
WALL_SPACE = "grid81"


def wall_table(wall: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The table of real runs."""
    yield f"## Wall time on {SPACES[WALL_SPACE]}"
    yield ""
    if not wall:
        yield "Not measured yet. `make search-study STUDY=wall` measures it, on an otherwise idle machine."
        yield ""
        return
    yield (
        "Real runs with one seed on two cores. Of the service: over HTTP, from submit until SQL has the "
        "sweep's last state. Of Ray Tune: the plain loop of torch in two processes, until `fit` returns. "
        "Both had been started and had trained once before. Every sweep has another seed."
    )
    yield ""
    yield "| method | wall s, median (range), n | share of the grid's | epochs | best value |"
    yield "|---|---|---|---|---|"
    usual = _seconds(wall, GRID)
    for name in dict.fromkeys(record["method"] for record in wall):
        runs, own = [each for each in wall if each["method"] == name], _seconds(wall, name)
        median, share = statistics.median(own), "–"
        if usual:
            share = f"{100 * median / statistics.median(usual):.0f} %"
        epochs = statistics.median(each["epochs"] for each in runs)
        best = statistics.fmean(each["best"] for each in runs)
        yield (
            f"| {TITLES[name]} | {median:.1f} ({min(own):.1f} to {max(own):.1f}), {len(own)} | {share} "
            f"| {epochs:.0f} | {best:.4f} |"
        )
    yield ""
    yield f"Machine: {wall[0]['machine']}, {wall[0]['date']}; {wall[0]['load']}."
    yield ""


def _seconds(wall: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [record["seconds"] for record in wall if record["method"] == name]


def wall_goal(wall: Sequence[Mapping[str, Any]]) -> str:
    usual = _seconds(wall, GRID)
    if not usual:
        return "not measured yet"
    limit = MAX_WALL_SHARE * statistics.median(usual)
    names = [name for name in TITLES if name != GRID and _seconds(wall, name)]
    quick = [TITLES[name] for name in names if statistics.median(_seconds(wall, name)) <= limit]
    return f"at most {100 * MAX_WALL_SHARE:.0f} %: {'; '.join(quick) if quick else 'no method'}"
