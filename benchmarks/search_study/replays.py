"""The replays of all methods on all spaces, as a file: what each repeat has spent and chosen."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from benchmarks.search_study.library_replay import replay_libraries
from benchmarks.search_study.methods import METHODS
from benchmarks.search_study.recorded_curves import FOLDER, HERE, RecordedCurves, read_all
from benchmarks.search_study.replayed_sweep import Replayed, ReplayedSweep
from benchmarks.search_study.study_space import StudySpace

FILE = HERE / "records" / "replays.json"
REPEATS = 20


@dataclass(frozen=True)
class SpaceReplays:
    """All methods on one space: the repeats of each, and the curves that they read, as their SHA-256."""

    date: str
    curves: str
    versions: Mapping[str, str]  # of the other libraries
    methods: Mapping[str, list[Replayed]]


def replay_space(
    recorded: RecordedCurves, python: Path, repeats: int = REPEATS, folder: Path = FOLDER
) -> SpaceReplays:
    """Replay every method; `python` has the other libraries."""
    space = StudySpace(recorded)
    found: dict[str, list[Replayed]] = {}
    for name, method in METHODS.items():
        sys.stdout.write(f"{recorded.name}: {method.title} …\n")
        found[name] = [ReplayedSweep(recorded, space, method, repeat).run() for repeat in range(repeats)]
    sys.stdout.write(f"{recorded.name}: the other libraries …\n")
    others, versions = replay_libraries(python, recorded, space, repeats)
    return SpaceReplays(
        time.strftime("%Y-%m-%d"), digest(folder / f"{recorded.name}.json"), versions, found | others
    )


def replay_all(python: Path) -> None:
    """Replay every method on every recorded space, and write the file."""
    recorded = read_all()
    if not recorded:
        raise SystemExit(f"{FOLDER} has no curves: record them first")
    write({name: replay_space(curves, python) for name, curves in recorded.items()})


def write(found: Mapping[str, SpaceReplays], path: Path = FILE) -> None:
    """Write replays as JSON, a line for each method."""
    spaces = []
    for name, space in found.items():
        lines = [
            f"{json.dumps(method)}: {json.dumps([astuple(each) for each in repeats], separators=(',', ':'))}"
            for method, repeats in space.methods.items()
        ]
        head = {"date": space.date, "curves": space.curves, "versions": dict(space.versions)}
        body = ",\n".join(lines)
        spaces.append(f'{json.dumps(name)}: {json.dumps(head)[:-1]}, "methods": {{\n{body}\n}}}}')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(spaces) + "\n}\n", encoding="utf-8")


def read(path: Path = FILE, folder: Path = FOLDER) -> dict[str, SpaceReplays]:
    """Read what `write` has written; `SystemExit` where the curves are others by now."""
    if not path.is_file():
        raise SystemExit(f"{path} is missing: replay first")
    found: dict[str, SpaceReplays] = {}
    for name, space in json.loads(path.read_text(encoding="utf-8")).items():
        if space["curves"] != digest(folder / f"{name}.json"):
            raise SystemExit(f"{path} was replayed on other curves than {folder / name}.json: replay again")
        methods = {method: [Replayed(*each) for each in all_] for method, all_ in space["methods"].items()}
        found[name] = SpaceReplays(space["date"], space["curves"], space["versions"], methods)
    return found


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
