"""Replay methods of other libraries, in the interpreter of their environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rivals.environment import ROOT
from benchmarks.search_study.methods import LIBRARIES, LIBRARY_METHODS
from benchmarks.search_study.recorded_curves import RecordedCurves
from benchmarks.search_study.replayed_sweep import Replayed, seed_of
from benchmarks.search_study.study_space import StudySpace
from services.domain.random_numbers import permuted

MAX_SECONDS = 1200.0  # of one library on one space
ONE_THREAD = {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)}


def replay_libraries(
    python: Path, recorded: RecordedCurves, space: StudySpace, repeats: int
) -> tuple[dict[str, list[Replayed]], dict[str, str]]:
    """Replay every method of `LIBRARY_METHODS`; returns its repeats by name, and each library's version."""
    found: dict[str, list[Replayed]] = {}
    versions: dict[str, str] = {}
    for module in dict.fromkeys(method.module for method in LIBRARY_METHODS.values()):
        names = [name for name, method in LIBRARY_METHODS.items() if method.module == module]
        answer = _answer(python, module, job(recorded, space, repeats, names))
        versions[LIBRARIES[module]] = answer["version"]
        found |= {name: [Replayed(*each) for each in answer["methods"][name]] for name in names}
    return {name: found[name] for name in LIBRARY_METHODS}, versions


def job(recorded: RecordedCurves, space: StudySpace, repeats: int, names: Sequence[str]) -> dict[str, Any]:
    """What benchmarks/search_study/libraries/curve_table.py reads."""
    dimensions = [
        {"name": each.name, "kind": each.kind, "size": each.size} for each in space.searched.dimensions
    ]
    points = range(len(recorded.points))
    return {
        "curves": recorded.curves,
        "dimensions": dimensions,
        "choices": [dict(choices) for choices in space.choices],
        "maximize": recorded.ranked_by.goal == "maximize",
        "repeats": [
            {
                "number": repeat,
                "first": [seed_of(repeat, point, recorded.seeds) for point in points],
                "order": [permuted(point, len(points), repeat, "order") for point in points],
            }
            for repeat in range(repeats)
        ],
        "methods": {name: dict(LIBRARY_METHODS[name].settings) for name in names},
    }


def _answer(python: Path, module: str, content: dict[str, Any]) -> Any:
    ended = subprocess.run(
        [str(python), "-m", f"benchmarks.search_study.libraries.{module}"],
        input=json.dumps(content),
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD},
        timeout=MAX_SECONDS,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"{module} ended with code {ended.returncode} in {python}; its errors stand above")
    return json.loads(ended.stdout)
