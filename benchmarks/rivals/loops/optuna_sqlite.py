"""Optuna: one study in SQLite that two processes work on, with the plain loop as its objective."""

from __future__ import annotations

import multiprocessing
import tempfile
import warnings
from pathlib import Path
from typing import Any

import optuna

from benchmarks.rivals.loops.protocol import serve
from benchmarks.rivals.loops.training import Images, train

PROCESSES = 2


def work(job: tuple[dict[str, Any], str, int]) -> float:
    """Do one trial, reporting each epoch; returns its last accuracy.

    Its values are fixed here: of trials enqueued in SQLite, which has no row locks, two processes may take
    the same one ("Cannot tell a COMPLETE trial").
    """
    task, storage, number = job
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    images, fixed = Images(task["split"]), task["trials"][number]
    last = 0.0

    def objective(trial: optuna.Trial) -> float:
        nonlocal last
        values = {name: trial.suggest_float(name, 0.0, 1.0) for name in fixed}
        for epoch, accuracy in enumerate(train(task, values, number, images, tuned=False)):
            trial.report(accuracy, epoch)
            last = accuracy
        return last

    sampler = optuna.samplers.PartialFixedSampler(fixed, optuna.samplers.RandomSampler())
    optuna.load_study(study_name="bench", storage=storage, sampler=sampler).optimize(objective, n_trials=1)
    return last


def main() -> None:
    """Serve with a pool; every run has a study of its own."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:

        def run(task: dict[str, Any]) -> dict[str, Any]:
            with tempfile.TemporaryDirectory() as folder:
                storage = f"sqlite:///{Path(folder) / 'study.db'}"
                optuna.create_study(study_name="bench", storage=storage, direction="maximize")
                jobs = [(task, storage, number) for number in range(len(task["trials"]))]
                return {"accuracies": list(pool.imap(work, jobs))}

        serve(run)


if __name__ == "__main__":
    main()
