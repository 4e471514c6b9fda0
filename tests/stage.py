"""A laboratory on paper with something to look at, written by the store's own functions."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paper_sweep import take
from sqlalchemy import select, update

from services import dispatch
from services.api.library import Library
from services.domain.planning.planner import make_plan
from services.domain.retry import Failure
from services.domain.spec.spec import Spec
from services.domain.states import TrialState
from services.host import HostDevice
from services.store import devices, endings, packs, reports, sweep_verbs, sweeps, workers
from services.store.leases import Lease
from services.store.models import MirrorSweep, MirrorTrial, Pack, Sweep, Trial
from services.store.reports import Epoch
from services.store.session import Session, Store

HOSTILE = "<img src=x onerror=\"document.title='owned'\"> & <script>document.title='owned'</script>"
BASE: dict[str, Any] = {
    "name": "small",
    "model": {"name": "lenet5"},
    "data": {"name": "fashion-mnist-mini", "validation": 0.1},
    "train": {"epochs": 6},
    "space": {"model.dropout": [0.0, 0.5]},
}


def add(store: Store, **changes: Any) -> str:
    """A new sweep; its id."""
    spec = Spec.model_validate(BASE | changes)
    plan = make_plan(spec, Library(), limit=1000, memory=1 << 30)
    return store.write(lambda session: sweeps.insert(session, spec, plan))


@dataclass(frozen=True)
class Worker:
    """Trains on paper: a trial's accuracy ends near `value(trial)`; `words(trial)` says why it diverges."""

    store: Store
    value: Callable[[Trial], float]
    words: Callable[[Trial], str | None] = lambda trial: None

    def finish(self, sweep_id: str) -> None:
        """Train all of a sweep, and settle it."""
        while self.next_pack(sweep_id):
            pass
        self.store.write(lambda session: sweeps.settle(session, sweep_id))

    def next_pack(self, sweep_id: str, until: int | None = None) -> Pack | None:
        """Train the next pack; with `until` only up to that epoch, and it goes on running."""
        pack = self.store.write(lambda session: dispatch.fill(session, sweep_id))
        if pack:
            held = take(self.store, pack)
            self.store.write(lambda session: self._train(session, held, until))
        return pack

    def _train(self, session: Session, held: Lease, until: int | None) -> None:
        rows = packs.rows_of(session, held.pack_id).values()
        live = [trial for trial in rows if not self.words(trial)]
        for trial in rows:
            if words := self.words(trial):
                error = {"kind": Failure.DIVERGED, "message": words}
                endings.end_trial(session, held, trial.id, TrialState.FAILED, failure=error)
        best: dict[str, tuple[int, float]] = {}
        for number in range(1, 1 + (until or BASE["train"]["epochs"])):
            found = {trial.id: _metrics(trial, self.value(trial), number) for trial in live}
            for trial_id, metrics in found.items():
                best[trial_id] = max(
                    (number, metrics["val/acc"]), best.get(trial_id, (0, 0.0)), key=lambda it: it[1]
                )
            reports.commit(session, held, Epoch(number, found, dict(best), None, busy_ms=4000, work_ms=3900))
        if until is None:
            for trial in live:
                endings.end_trial(session, held, trial.id, TrialState.SUCCEEDED)
            endings.close(session, held, f"reached epoch {number}")


def _metrics(trial: Trial, end: float, epoch: int) -> dict[str, float]:
    """An epoch's metrics: they approach a value, with a little noise of the trial's own."""
    noise = random.Random(f"{trial.seed}/{epoch}").gauss(0, 0.0015)
    accuracy = min(0.999, end - (end - 0.55) * math.exp(-1.2 * epoch) + noise)
    return {"val/acc": accuracy, "train/loss": 1.4 * (1 - accuracy) + 0.05, "val/loss": 1.6 * (1 - accuracy)}


def accuracy(trial: Trial) -> float:
    """Best with little dropout and a middling rate; seeds differ, too."""
    dropout, rate = trial.values.get("model.dropout", 0.2), trial.values.get("train.optimizer.lr", 0.02)
    rectified = 0.03 if trial.values.get("model.activation", {}).get("name") == "relu" else 0.0
    seed = random.Random(f"{trial.point}/{trial.replicate}").gauss(0, 0.004)
    return 0.872 + rectified - 0.15 * (dropout - 0.25) ** 2 - 0.006 * abs(math.log(rate / 0.02)) + seed


def hire(store: Store, host: str, slot: int, says: str, pack: Pack | None = None) -> None:
    """A worker that is alive, with a device."""
    device = HostDevice(host, f"cpu:{slot}", "cpu", f"slot {slot}")
    worker, token = f"{host}/{4000 + slot}", f"token of {host}, {slot}"

    def write(session: Session) -> None:
        workers.say(session, worker, host, 4000 + slot, says)
        assert devices.claim(session, [device], worker, token, 3600.0)
        assert devices.renew(session, device.id, token, 3600.0, pack.id if pack else None)

    store.write(write)


def dress(store: Store, sweep_id: str, hours: float, took: float = 0.2) -> None:
    """Have a sweep lie so many hours back, and be shown in MLflow."""
    back = int(hours * 3_600_000)

    def write(session: Session) -> None:
        sweep = session.get_one(Sweep, sweep_id)
        sweep.created_at -= back
        sweep.started_at = sweep.created_at + 2000
        if sweep.finished_at is not None:
            sweep.finished_at = sweep.started_at + int(took * 3_600_000)
        mirrored = session.get_one(MirrorSweep, sweep_id)
        mirrored.experiment_id, mirrored.view_saved = "1", True
        runs = select(Trial.id).where(Trial.sweep_id == sweep_id)
        session.execute(
            update(MirrorTrial).where(MirrorTrial.trial_id.in_(runs)).values(run_id=MirrorTrial.trial_id)
        )

    store.write(write)


def furnish(store: Store) -> dict[str, str]:
    """A laboratory in the middle of its day; its sweeps' ids by name."""
    good = Worker(store, accuracy)
    momentum = {"epochs": 6, "optimizer": "momentum"}
    clear = add(store, name="relu-or-tanh", seeds=5, space={"model.activation": ["relu", "tangent-sigmoid"]})
    good.finish(clear)
    rates = {"train.optimizer.lr": [0.02, 0.05, 0.5], "model.dropout": [0.0, 0.25]}
    broken = add(store, name="rates", space=rates, train=momentum)
    wild = "loss or weights were no longer finite in epoch 2"
    fast = Worker(store, accuracy, lambda trial: wild if trial.values["train.optimizer.lr"] == 0.5 else None)
    fast.finish(broken)
    grid = {"model.dropout": [0.0, 0.15, 0.3, 0.5], "train.optimizer.lr": [0.01, 0.02, 0.05]}
    moving = add(store, name="dropout-and-rate", project="lenet", space=grid, seeds=5, train=momentum)
    hire(store, "lab-2", 0, "idle on cpu:0")
    hire(store, "lab-2", 1, "idle on cpu:1")
    for _ in range(7):
        assert good.next_pack(moving)
    for slot, until in enumerate((5, 3)):
        pack = good.next_pack(moving, until)
        assert pack
        hire(store, "lab-1", slot, f"trains pack {pack.id} on cpu:{slot}", pack)
    paused = add(store, name="wide", project="lenet", space={"model.dropout": [0.0, 0.1, 0.2, 0.3]})
    store.write(lambda session: sweep_verbs.pause(session, paused))
    for sweep_id, hours in {clear: 26.0, broken: 3.2, moving: 0.3, paused: 0.05}.items():
        dress(store, sweep_id, hours)
    return {"relu-or-tanh": clear, "rates": broken, "dropout-and-rate": moving, "wide": paused}
