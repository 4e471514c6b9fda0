"""Whether the goal is met, and by which methods: an equal point with few epochs and in little time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.search_study.method_tables import points, share
from benchmarks.search_study.methods import TITLES
from benchmarks.search_study.recorded_curves import SPACES, RecordedCurves
from benchmarks.search_study.replays import SpaceReplays
from benchmarks.search_study.summary import GRID, MAX_EPOCHS_SHARE, MIN_EQUAL_SHARE, Summary, summarize
from benchmarks.search_study.wall_table import MAX_WALL_SHARE, WALL_SPACE, wall_goal


def goal(
    recorded: Mapping[str, RecordedCurves],
    replayed: Mapping[str, SpaceReplays],
    wall: Sequence[Mapping[str, Any]],
) -> Iterator[str]:
    """Say it for each space, for all of them together, and for the wall time."""
    yield "## The goal"
    yield ""
    yield (
        f"A point equal to the grid's best, in at least {share(MIN_EQUAL_SHARE)} of the repeats, with "
        f"at most {share(MAX_EPOCHS_SHARE)} of the epochs and {share(MAX_WALL_SHARE)} of the wall time. The "
        "grid with one seed may miss that itself. So beside it stands what chooses an equal point in at "
        "least as many repeats as that grid does."
    )
    yield ""
    summaries = {name: summarize(recorded[name], space.methods) for name, space in replayed.items()}
    strict = {name: [each for each in found if each.meets_goal] for name, found in summaries.items()}
    like_grid = {name: _as_often_as_the_grid(found) for name, found in summaries.items()}
    for name, found in summaries.items():
        grid = next(each for each in found if each.name == GRID)
        yield f"- **{SPACES[name].capitalize()}**, epochs: {_met_by(strict[name])}."
        yield (
            f"  The grid with one seed chooses an equal point in {grid.equal} of {grid.repeats} repeats, "
            f"with a regret of {points(grid.regret)}. At least as often: {_named(like_grid[name])}."
        )
    if len(summaries) > 1:
        yield (
            f"- **Everywhere**, epochs, of the service: {_ours_everywhere(strict)}; at least as often as the "
            f"grid: {_ours_everywhere(like_grid)}."
        )
    yield f"- **Wall time** on {SPACES[WALL_SPACE]}: {wall_goal(wall)}."
    yield ""


def _as_often_as_the_grid(found: Sequence[Summary]) -> list[Summary]:
    """The methods with few epochs that choose an equal point in as many repeats as the grid, or more."""
    grid = next(each for each in found if each.name == GRID)
    return [each for each in found if each.epochs <= MAX_EPOCHS_SHARE and each.equal >= grid.equal]


def _ours_everywhere(found: Mapping[str, Sequence[Summary]]) -> str:
    """The service's methods that are among those of every space."""
    common = set.intersection(*({each.name for each in some if each.ours} for some in found.values()))
    return "; ".join(title for name, title in TITLES.items() if name in common) or "no method"


def _met_by(found: Sequence[Summary]) -> str:
    return f"met by {_named(found)}" if found else "not met by any method"


def _named(found: Sequence[Summary]) -> str:
    return (
        "; ".join(
            f"{TITLES[each.name]} ({share(each.epochs, 1)} of the epochs, {each.equal} of {each.repeats})"
            for each in found
        )
        or "none"
    )
