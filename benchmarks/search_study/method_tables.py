"""The tables of one space: every method, and methods of the service and of libraries side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.search_study.methods import TITLES
from benchmarks.search_study.recorded_curves import SPACES, RecordedCurves
from benchmarks.search_study.replays import SpaceReplays
from benchmarks.search_study.summary import GRID, MeanWithEnds, Rival, rivals, summarize


def space_tables(recorded: RecordedCurves, space: SpaceReplays) -> Iterator[str]:
    """The tables of one space."""
    best = recorded.points[recorded.best]
    shown = ", ".join(f"{path} {_value(value)}" for path, value in best.items())
    yield f"## {SPACES[recorded.name].capitalize()}"
    yield ""
    yield (
        f"{len(recorded.points)} points, {recorded.seeds} seeds, {recorded.epochs} epochs, "
        f"benchmarks/search_study/{recorded.name}.yaml. The grid's best: {shown}, with "
        f"{recorded.objective['metric']} {recorded.truth[recorded.best]:.4f}; "
        f"{len(recorded.equal)} points are equal to it, itself included."
    )
    yield ""
    heads = ("method", "epochs", "regret, points (95 %)", "more than the grid's (95 %)", "equal to the best")
    yield f"| {' | '.join(heads)} |"
    yield "|---|---|---|---|---|"
    for each in summarize(recorded, space.methods):
        title = f"**{TITLES[each.name]}**" if each.meets_goal else TITLES[each.name]
        behind = "" if each.name == GRID else points(each.behind_grid)
        cells = (title, share(each.epochs, 1), points(each.regret), behind, f"{each.equal} of {each.repeats}")
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield "Bold: meets the goal in epochs. Library methods beside the service's best with no more epochs:"
    yield ""
    yield from _pairs(rivals(recorded, space.methods, ours=False))
    yield "The other way round, the service's methods beside the libraries' best with no more epochs:"
    yield ""
    yield from _pairs(rivals(recorded, space.methods, ours=True))


def _pairs(found: Sequence[Rival]) -> Iterator[str]:
    yield "| method | epochs | beside | epochs | less regret, points (95 %) | the first is |"
    yield "|---|---|---|---|---|---|"
    for each in found:
        yield (
            f"| {TITLES[each.of.name]} | {share(each.of.epochs, 1)} | {TITLES[each.beside.name]} "
            f"| {share(each.beside.epochs, 1)} | {points(each.ahead)} | {each.verdict} |"
        )
    yield ""


def points(found: MeanWithEnds) -> str:
    """A mean with its interval, in points of 100."""
    mean, low, high = (round(100 * value, 2) + 0.0 for value in (found.mean, found.low, found.high))
    return f"{mean:.2f} ({low:.2f} to {high:.2f})"


def share(value: float, digits: int = 0) -> str:
    """A share in percent."""
    return f"{100 * value:.{digits}f} %"


def _value(value: Any) -> str:
    """A value of an axis: an object by its name, or by what it has."""
    if isinstance(value, Mapping):
        return str(value.get("name", value.get("strength", dict(value))))
    return f"{value:g}" if isinstance(value, int | float) else str(value)
