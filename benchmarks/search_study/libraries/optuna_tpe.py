"""Optuna's TPE with a pruner on recorded curves: it suggests each point, and says when a trial is pruned.

`PROCESSES` trials at a time ask one study. A trial's value is its best epoch's. Chosen is the point of the
study's `best_trial`, which is one that was not pruned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner

from benchmarks.search_study.libraries.curve_table import PROCESSES, CurveTable, answer


@dataclass
class AskedTrial:
    """A trial of the study, and the curve that it reads."""

    trial: optuna.Trial
    point: int
    curve: list[float]
    values: list[float] = field(default_factory=list)


def pruner(name: str, epochs: int) -> BasePruner:
    """The pruner of this name, with Optuna's defaults."""
    if name == "hyperband":
        return HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3)
    return MedianPruner() if name == "median" else NopPruner()


def run(table: CurveTable, settings: Mapping[str, Any]) -> tuple[int, int]:
    """Run one repeat; returns the epochs spent and the point chosen."""
    study = optuna.create_study(
        direction="maximize" if table.maximize else "minimize",
        sampler=optuna.samplers.TPESampler(seed=table.repeat),
        pruner=pruner(settings["pruner"], table.epochs),
        study_name=f"repeat-{table.repeat}",  # Hyperband divides trials among brackets by a hash of it
    )
    visits: Counter[int] = Counter()
    points: dict[int, int] = {}
    running: list[AskedTrial] = []
    begun = spent = 0
    while begun < settings["trials"] or running:
        while begun < settings["trials"] and len(running) < PROCESSES:
            running.append(_ask(study, table, visits))
            points[running[-1].trial.number] = running[-1].point
            begun += 1
        for each in list(running):
            each.values.append(each.curve[len(each.values)])
            spent += 1
            each.trial.report(each.values[-1], len(each.values))
            if len(each.values) == table.epochs:
                study.tell(each.trial, table.best(each.values))
            elif each.trial.should_prune():
                study.tell(each.trial, state=optuna.trial.TrialState.PRUNED)
            else:
                continue
            running.remove(each)
    return spent, points[study.best_trial.number]


def _ask(study: optuna.Study, table: CurveTable, visits: Counter[int]) -> AskedTrial:
    trial = study.ask()

    def choose(name: str, kind: str, size: int) -> int:
        if kind == "steps":
            return trial.suggest_int(name, 0, size - 1)
        return int(trial.suggest_categorical(name, list(range(size))))

    point = table.point(choose)
    visits[point] += 1
    return AskedTrial(trial, point, list(table.curve(point, visits[point] - 1)))


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    answer(run, optuna.__version__)
