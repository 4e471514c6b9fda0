"""Kills of processes that ask a search for points: `make chaos`. Every point comes, and comes once.

The search is `tpe` under halving. Each time the sweep is locked until a process waits for it, to ask or to
decide; then the lock is given up, and that process is killed within a few milliseconds.

CNNLAB_CHAOS_SEED chooses the moments, CNNLAB_CHAOS_ASKS how many kills there are.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from chaos import judge
from chaos.faults import send
from chaos.fleet import Fleet, running
from chaos.test_random_faults import unfinished
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from services.domain.states import SweepState, TrialState
from services.store import sweeps
from services.store.models import Sweep, Trial

SEED = int(os.environ.get("CNNLAB_CHAOS_SEED", "1"))
KILLS = int(os.environ.get("CNNLAB_CHAOS_ASKS", "20"))
MAX_WAIT = 1.0  # seconds for which the sweep is locked until somebody wants it
MAX_INTO = 0.03  # seconds from the end of the lock to the kill: an ask takes about as long
FIRST = 10  # points that depend on no result
TRIALS = 24
SPEC: dict[str, Any] = {
    "reuse": False,
    "model": {"name": "mlp", "hidden": [16]},
    "data": {"name": "fashion-mnist-mini"},
    "train": {"epochs": 4, "batch_size": 50},
    "space": {
        "train.l2": {"log_uniform": [1e-5, 1]},
        "train.optimizer.lr": {"log_uniform": [1e-3, 0.1]},
    },
    "search": "tpe",
    "max_trials": TRIALS,
    "stop": {"name": "halving", "eta": 2},
    "seed": 3,
}
WAITING = text(
    "SELECT client_port FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND client_port IS NOT NULL "
    "AND datname = current_database()"
)


def processes(fleet: Fleet) -> dict[str, Sequence[int]]:
    """The processes of the fleet, by what they are a part of."""
    return {
        name: fleet.everyone(name) if name.startswith("worker") else [server.pid]
        for name, server in fleet.servers.items()
    }


def owner(fleet: Fleet, port: int) -> tuple[str, int] | None:
    """What has the connection to PostgreSQL with this port on its own side: its name and its process."""
    for name, pids in processes(fleet).items():
        for pid in pids:
            try:
                ports = {each.laddr.port for each in psutil.Process(pid).net_connections("tcp")}
            except psutil.Error:
                continue
            if port in ports:
                return name, pid
    return None


def kill_who_asks(fleet: Fleet, sweep_id: str, choose: random.Random) -> str | None:
    """Have a process wait for the sweep, let it go on, and kill it; returns what it was a part of."""
    found = None
    with fleet.store.engine.connect() as connection, connection.begin():
        connection.execute(text("SELECT id FROM sweeps WHERE id = :id FOR UPDATE"), {"id": sweep_id})
        until = time.monotonic() + MAX_WAIT
        while found is None and time.monotonic() < until:
            with fleet.store.engine.connect() as other:
                ports = other.execute(WAITING).scalars().all()
            found = next(filter(None, (owner(fleet, port) for port in ports)), None)
            time.sleep(0.01)
    if found is None:
        return None
    time.sleep(choose.uniform(0, MAX_INTO))
    return found[0] if send(found[1], signal.SIGKILL) else None


def faults_of(fleet: Fleet, sweep_id: str) -> list[str]:
    """What must not be so once the sweep has ended."""
    sweep: Sweep = fleet.store.read(lambda session: sweeps.get(session, sweep_id))
    trials, curves = judge.trials_of(fleet.store, sweep_id), judge.curves_of(fleet.store, sweep_id)
    states = Counter(trial.state for trial in trials)
    found = []
    if [trial.number for trial in trials] != list(range(TRIALS)) or sweep.next_number != TRIALS:
        found.append(f"{len(trials)} trials, and {sweep.next_number} drawn, of {TRIALS}")
    if len({str(trial.values) for trial in trials}) != len(trials):
        found.append("a point came twice")
    if sweep.state != SweepState.SUCCEEDED or not states.keys() <= {TrialState.SUCCEEDED, TrialState.PRUNED}:
        found.append(f"the sweep is {sweep.state}: {dict(states)}")
    if states[TrialState.SUCCEEDED] != TRIALS // 4:
        found.append(f"{states[TrialState.SUCCEEDED]} have trained to the end, one of each cohort of 4 may")
    found += [
        f"trial {trial.number} is at epoch {trial.epoch}, with reports of {sorted(curves.get(trial.id, {}))}"
        for trial in trials
        if sorted(curves.get(trial.id, {})) != list(range(1, trial.epoch + 1))
    ]
    return [f"sweep {sweep_id}: {each}" for each in found]


def first_values(fleet: Fleet, sweep_id: str) -> list[Any]:
    """The points that were asked for before there were results enough to look at."""
    trials: Sequence[Trial] = judge.trials_of(fleet.store, sweep_id)
    return [trial.values for trial in trials[:FIRST]]


def test_kills_of_who_asks_lose_and_double_no_point(tmp_path: Path) -> None:
    choose = random.Random(SEED)
    with running(tmp_path) as fleet:
        witness = judge.Witness(fleet.store)
        witness.start()
        undisturbed = fleet.submit(SPEC | {"name": "undisturbed"})
        while unfinished(fleet):
            time.sleep(0.2)
        done: Counter[str] = Counter()
        ids: list[str] = []
        while sum(done.values()) < KILLS or unfinished(fleet):
            if sum(done.values()) >= KILLS:
                time.sleep(0.2)
                continue
            if unfinished(fleet) == 0:
                ids.append(fleet.submit(SPEC | {"name": f"disturbed-{len(ids)}"}))
            time.sleep(choose.uniform(0.05, 0.6))
            try:
                killed = kill_who_asks(fleet, ids[-1], choose) if ids else None
            except SQLAlchemyError as error:
                print(f"  {type(error).__name__}")
                continue
            if killed:
                done[killed] += 1
        violations = witness.close()
        for sweep_id in (undisturbed, *ids):
            violations += faults_of(fleet, sweep_id)
            if first_values(fleet, sweep_id) != first_values(fleet, undisturbed):
                violations.append(f"sweep {sweep_id}: other first points than the undisturbed one")
        print(f"\n{len(ids)} sweeps of {TRIALS} trials, {sum(done.values())} kills: {dict(done)}")
        print(f"{fleet.restarts} restarts, {len(violations)} violations", *violations, sep="\n  ")
        assert violations == []
