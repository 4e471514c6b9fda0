"""The page docs/search.md, made from the recorded files only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from string import Template
from typing import Any

from benchmarks.search_study.goal import goal
from benchmarks.search_study.method_tables import space_tables
from benchmarks.search_study.recorded_curves import HERE, SPACES, RecordedCurves
from benchmarks.search_study.replays import SpaceReplays
from benchmarks.search_study.wall_table import wall_table

TEXT = HERE / "text"  # what is written by hand
PLOT = """\
![Regret against epochs](img/search.svg)

Whiskers are 95 % intervals over the repeats; the dashed line is a quarter of the grid's epochs.
"""


def page(
    recorded: Mapping[str, RecordedCurves],
    replayed: Mapping[str, SpaceReplays],
    wall: Sequence[Mapping[str, Any]],
) -> str:
    """Return the page."""
    repeats = max(len(each) for space in replayed.values() for each in space.methods.values())
    lines = [
        _text("introduction", repeats=repeats),
        *goal(recorded, replayed, wall),
        _text("findings"),
        PLOT,
    ]
    for name, space in replayed.items():
        lines += space_tables(recorded[name], space)
    lines += [*wall_table(wall), _text("limits"), *_recorded(recorded, replayed)]
    return "\n".join(lines).rstrip() + "\n"


def _recorded(recorded: Mapping[str, RecordedCurves], replayed: Mapping[str, SpaceReplays]) -> Iterator[str]:
    """Where and when everything was measured."""
    yield "## Machine, dates, commands"
    yield ""
    for name, space in replayed.items():
        curves = recorded[name]
        versions = ", ".join(f"{library} {version}" for library, version in space.versions.items())
        trials = len(curves.points) * curves.seeds
        yield (
            f"- {SPACES[name]}: {trials} trials recorded on {curves.machine}, {curves.date} "
            f"(`STUDY=record`); replayed {space.date} (`STUDY=replay`) with {versions}."
        )


def _text(name: str, **values: object) -> str:
    """A part that is written by hand, with values in it."""
    return Template((TEXT / f"{name}.md").read_text(encoding="utf-8")).substitute(values)
