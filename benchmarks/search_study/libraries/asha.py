"""Ray Tune's ASHA on recorded curves: its scheduler is given every result, and says when a trial stops.

All points are tried, in an order drawn anew for each repeat, `PROCESSES` at a time. Chosen is the point of
the best value that was reported, as `ResultGrid.get_best_result(scope="all")` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from benchmarks.search_study.libraries.curve_table import PROCESSES, CurveTable, answer


@dataclass
class ScheduledTrial:
    """A trial as the scheduler sees it."""

    trial_id: str
    point: int
    values: list[float] = field(default_factory=list)


def run(table: CurveTable, settings: Mapping[str, Any]) -> tuple[int, int]:
    """Run one repeat; returns the epochs spent and the point chosen."""
    scheduler = ASHAScheduler(
        time_attr="training_iteration",
        metric="value",
        mode="max" if table.maximize else "min",
        grace_period=1,
        max_t=table.epochs,
        reduction_factor=settings["eta"],
    )
    waiting = [ScheduledTrial(f"{number:04d}", point) for number, point in enumerate(table.order)]
    ended: list[ScheduledTrial] = []
    running: list[ScheduledTrial] = []
    while waiting or running:
        while waiting and len(running) < PROCESSES:
            running.append(waiting.pop(0))
            scheduler.on_trial_add(None, running[-1])
        for trial in list(running):
            epoch = len(trial.values) + 1
            trial.values.append(table.curve(trial.point)[epoch - 1])
            result = {"training_iteration": epoch, "value": trial.values[-1]}
            if epoch == table.epochs:
                scheduler.on_trial_complete(None, trial, result)
            elif scheduler.on_trial_result(None, trial, result) == TrialScheduler.CONTINUE:
                continue
            running.remove(trial)
            ended.append(trial)
    best = table.best([table.best(trial.values) for trial in ended])
    chosen = next(trial for trial in ended if table.best(trial.values) == best)
    return sum(len(trial.values) for trial in ended), chosen.point


if __name__ == "__main__":
    answer(run, ray.__version__)
