"""What was measured as Markdown: medians, ratios to the service, accuracies, processor time."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_DIFFERENCE = 0.005  # of mean accuracies: half a point
OURS, RIVAL = "service", "tuned"

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """One side on one task: medians over its rounds of wall and processor seconds; mean accuracy over all."""

    wall: float
    least: float
    most: float
    cpu: float
    accuracy: float
    rounds: int
    final: float | None  # seconds until the last trial was final in SQL; the service's alone


def cells(records: Sequence[Record], mode: str) -> dict[str, dict[str, Cell]]:
    """Return task → side → cell, of the runs of one mode: cold, warm or growth."""
    runs: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record["mode"] == mode and "error" not in record:
            runs[record["task"], record["side"]].append(record)
    found: dict[str, dict[str, Cell]] = defaultdict(dict)
    for (task, side), rounds in runs.items():
        walls = [run["wall"] for run in rounds]
        finals = [run["final_seconds"] for run in rounds if "final_seconds" in run]
        found[task][side] = Cell(
            statistics.median(walls),
            min(walls),
            max(walls),
            statistics.median(run["cpu"] for run in rounds),
            statistics.fmean(a for run in rounds for a in run["accuracies"]),
            len(rounds),
            statistics.median(finals) if finals else None,
        )
    return dict(found)


def ratio(of: Mapping[str, Cell], side: str, ours: str = OURS) -> float | None:
    """Return how many times the service's seconds a side takes; None if one is missing."""
    return of[side].wall / of[ours].wall if side in of and ours in of else None


def compare(records: Sequence[Record], mode: str, titles: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of a table for each task; the ratio is above 1 where the service is faster."""
    for task, of in cells(records, mode).items():
        yield f"### {task}, {mode}"
        yield ""
        yield "| side | wall s, median (range), n | service is faster by | CPU s | mean accuracy |"
        yield "|---|---|---|---|---|"
        usual = of.get(RIVAL)
        for side, title in titles.items():
            if side not in of:
                continue
            cell, times = of[side], ratio(of, side)
            shown = "–" if times is None else f"{times:.2f}×"
            off = usual is not None and abs(cell.accuracy - usual.accuracy) > MAX_DIFFERENCE
            mark = " (more than half a point from the tuned loop)" if off else ""
            span = f"{cell.wall:.1f} ({cell.least:.1f} to {cell.most:.1f}), {cell.rounds}"
            yield f"| {title} | {span} | {shown} | {cell.cpu:.1f} | {100 * cell.accuracy:.2f} %{mark} |"
        if mode == "warm" and OURS in of and of[OURS].final is not None:
            yield ""
            final = of[OURS].final or 0.0
            sooner = f", {usual.wall / final:.2f}× as fast as the tuned loop" if usual and final else ""
            yield f"Of the service's seconds, {final:.1f} until the last trial was final in SQL{sooner}."
        yield ""


def grow(records: Sequence[Record], titles: Mapping[str, str]) -> Iterator[str]:
    """Yield the table of wall seconds by number of trials."""
    found = cells(records, "growth")
    if not found:
        return
    sides = [side for side in titles if any(side in of for of in found.values())]
    yield "### LeNet-5, wall seconds by number of trials, warm"
    yield ""
    yield "| trials | " + " | ".join(titles[side] for side in sides) + " | tuned ÷ service |"
    yield "|---" * (len(sides) + 2) + "|"
    for task in sorted(found, key=int):
        of = found[task]
        walls = [f"{of[side].wall:.1f}" if side in of else "–" for side in sides]
        times = ratio(of, RIVAL)
        yield f"| {task} | " + " | ".join(walls) + f" | {'–' if times is None else f'{times:.2f}×'} |"
    yield ""


def processor(records: Sequence[Record], task: str = "lenet5") -> Iterator[str]:
    """Yield the table of the service's processor seconds in one sweep, by kind of process; medians."""
    runs = [
        r for r in records if (r["mode"], r["side"], r["task"]) == ("warm", OURS, task) and "error" not in r
    ]
    if not runs:
        return
    kinds = {kind for run in runs for kind in run["cpu_of"]}
    medians = {kind: statistics.median(run["cpu_of"].get(kind, 0.0) for run in runs) for kind in kinds}
    total = sum(medians.values()) or 1.0
    yield f"### Where the processor time of one sweep goes ({task}, warm, n = {len(runs)})"
    yield ""
    yield "| process | CPU s | share |"
    yield "|---|---|---|"
    for kind, seconds in sorted(medians.items(), key=lambda it: -it[1]):
        yield f"| {kind} | {seconds:.2f} | {100 * seconds / total:.1f} % |"
    yield ""


def failures(records: Sequence[Record]) -> Iterator[str]:
    """Yield a line for each side that failed."""
    for record in records:
        if "error" in record:
            yield f"- {record['side']}, {record['task']}, {record['mode']}: {record['error']}"


def page(records: Sequence[Record], titles: Mapping[str, str], machine: str) -> str:
    """Return all tables as one page."""
    lines = [machine, ""]
    for mode in ("warm", "cold"):
        lines += compare(records, mode, titles)
    lines += [*grow(records, titles), *processor(records), *failures(records)]
    return "\n".join(lines).rstrip() + "\n"
