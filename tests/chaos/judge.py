"""What must be so afterwards: each function returns the violations that it found, one sentence each."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import torch
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from whole_lab import mlflow_curve

from cnnlab.fit import Fit, Row
from services.domain.plan.plan import Plan
from services.domain.states import TRIAL_FINAL, TrialState
from services.store import sweeps
from services.store.models import MirrorTrial, Report, Sweep, Trial

if TYPE_CHECKING:
    from chaos.fleet import Fleet

    from services.store.session import Store

Curve = dict[int, dict[str, float]]


class Witness(threading.Thread):
    """Reads the state of every trial again and again; what was final once must never change."""

    def __init__(self, store: Store) -> None:
        super().__init__(daemon=True)
        self._store, self._ended = store, threading.Event()
        self.final: dict[str, str] = {}
        self.violations: list[str] = []

    def run(self) -> None:
        """Look until `close`; a database that is away is looked at later."""
        while not self._ended.wait(0.5):
            try:
                rows = self._store.read(lambda session: session.execute(select(Trial.id, Trial.state)).all())
            except SQLAlchemyError:
                continue
            for trial_id, state in rows:
                before = self.final.get(trial_id)
                if before not in (None, state):
                    self.violations.append(f"trial {trial_id} was {before} and is {state} now")
                if state in TRIAL_FINAL:
                    self.final[trial_id] = state

    def close(self) -> list[str]:
        """Stop looking; return the violations."""
        self._ended.set()
        self.join()
        return self.violations


def trials_of(store: Store, sweep_id: str) -> Sequence[Trial]:
    """A sweep's trials by number."""
    query = select(Trial).where(Trial.sweep_id == sweep_id).order_by(Trial.number)
    return store.read(lambda session: session.scalars(query).all())


def submitted_once(store: Store, names: Sequence[str]) -> Iterator[str]:
    """Every acknowledged submit made one sweep, and nothing else did."""
    found = Counter(store.read(lambda session: session.scalars(select(Sweep.name)).all()))
    for name in {*names, *found}:
        if (names.count(name), found[name]) != (1, 1):
            yield f"sweep {name} was acknowledged {names.count(name)} times and exists {found[name]} times"


def succeeded(store: Store, sweep_id: str, expected: int) -> Iterator[str]:
    """Every trial has succeeded, and there are as many as were asked for."""
    trials = trials_of(store, sweep_id)
    if [trial.number for trial in trials] != list(range(expected)):
        yield f"sweep {sweep_id} has the trials {[trial.number for trial in trials]}"
    for trial in trials:
        if trial.state != TrialState.SUCCEEDED:
            yield f"trial {trial.id} is {trial.state}: {trial.failure}"


def curves_of(store: Store, sweep_id: str) -> dict[str, Curve]:
    """What every trial has reported, by epoch."""
    query = select(Report).join(Trial).where(Trial.sweep_id == sweep_id)
    found: dict[str, Curve] = {}
    for report in store.read(lambda session: session.scalars(query).all()):
        found.setdefault(report.trial_id, {})[report.epoch] = report.metrics
    return found


def undisturbed(plan: Plan, trials: Sequence[Trial], data_seed: int, epochs: int) -> list[Curve]:
    """The curves of a sweep of one shape, trained by the library alone in arrays of the same width."""
    torch.set_num_threads(1)
    width, mixed = plan.shapes[0].width, plan.shapes[0].mixed
    curves: list[Curve] = []
    for _, group in groupby(trials, lambda trial: trial.number // width):
        rows: list[Row | None] = [None] * width
        places = {}
        for trial in group:
            rows[trial.row] = Row(plan.config_of(trial), trial.seed, trial.replicate, data_seed)
            places[trial.row] = curves.append({}) or curves[-1]
        fit = Fit(rows, mixed=mixed, varied=plan.varied)
        for _ in range(epochs):
            for report in fit.run_epoch() or ():
                places[report.row][report.epoch] = report.metrics
    return curves


def bits_equal(store: Store, sweep_id: str, epochs: int, cache: dict[Any, list[Curve]]) -> Iterator[str]:
    """Epochs 1 … E, each once, and every metric equal in every bit to undisturbed training."""
    sweep = store.read(lambda session: sweeps.get(session, sweep_id))
    trials, found = trials_of(store, sweep_id), curves_of(store, sweep_id)
    key = sweep.spec.seed
    if key not in cache:
        cache[key] = undisturbed(sweep.plan, trials, sweep.spec.seed, epochs)
    for trial, expected in zip(trials, cache[key], strict=True):
        own = found.get(trial.id, {})
        if sorted(own) != list(range(1, epochs + 1)):
            yield f"trial {trial.id} has the epochs {sorted(own)}"
        for epoch in sorted(own.keys() & expected.keys()):
            if own[epoch] != expected[epoch]:
                yield f"trial {trial.id} differs in epoch {epoch}: {own[epoch]} for {expected[epoch]}"
                break


def mirrored(fleet: Fleet, sweep_id: str) -> Iterator[str]:
    """MLflow's curve of every trial is SQL's."""
    query = select(MirrorTrial.trial_id, MirrorTrial.run_id).join(Trial).where(Trial.sweep_id == sweep_id)
    runs: Mapping[str, str | None] = dict(fleet.store.read(lambda session: session.execute(query).all()))
    curves = curves_of(fleet.store, sweep_id)
    for trial_id, run_id in runs.items():
        own = {epoch: metrics["val/acc"] for epoch, metrics in curves.get(trial_id, {}).items()}
        shown = mlflow_curve(fleet.mlflow.url, run_id, "val/acc") if run_id else []
        if [step for step, _ in shown] != sorted(own):
            yield f"MLflow has the epochs {[step for step, _ in shown]} of trial {trial_id}"
        elif any(abs(value - own[step]) > 1e-5 for step, value in shown):
            yield f"MLflow shows other values of trial {trial_id}"
