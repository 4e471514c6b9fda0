"""A small recorded space with made-up curves: nine points on paper, of which the last is the best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paper_catalog import PaperCatalog

from benchmarks.search_study.recorded_curves import RecordedCurves
from benchmarks.search_study.study_space import StudySpace

EPOCHS = 9
SPEC: dict[str, Any] = {
    "name": "made-up",
    "model": {"name": "net"},
    "data": {"name": "paper"},
    "train": {"epochs": EPOCHS},
    "space": {"model.dropout": [0.0, 0.1, 0.2], "train.l2": [0.0, 0.1, 0.2]},
}
POINTS = [
    {"train.l2": {"strength": l2}, "model.dropout": dropout}
    for l2 in SPEC["space"]["train.l2"]
    for dropout in SPEC["space"]["model.dropout"]
]


def rising(point: int, seed: int, epoch: int) -> float:
    """From the first epoch on points are ranked as at the end; a second seed is a little better."""
    return round(0.5 + point / 100 + epoch / 1000 + seed / 10000, 4)


def made_up(
    value: Callable[[int, int, int], float] = rising, seeds: int = 2, goal: str = "maximize", at: str = "best"
) -> RecordedCurves:
    """Curves whose values are a function of point, seed and epoch."""
    curves = [
        [[value(point, seed, epoch) for epoch in range(1, EPOCHS + 1)] for seed in range(seeds)]
        for point in range(len(POINTS))
    ]
    objective = {"metric": "val/acc", "goal": goal, "at": at}
    return RecordedCurves("grid81", "2 cores of paper", "2026-01-02", SPEC, objective, POINTS, curves)


def on_paper(recorded: RecordedCurves) -> StudySpace:
    """The space, planned without the training library."""
    return StudySpace(recorded, PaperCatalog())
