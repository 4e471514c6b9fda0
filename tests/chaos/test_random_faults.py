"""Random faults while 200 trials train: `make chaos`, which ends it after 50 minutes.

CNNLAB_CHAOS_SEED chooses the faults, CNNLAB_CHAOS_SWEEPS how many sweeps of ten trials there are.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any

from chaos import judge
from chaos.faults import FAULTS
from chaos.fleet import Fleet, running
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from worker_process import wait_for

from services.store.models import MirrorTrial, Pack, Report, Sweep, Trial

SEED = int(os.environ.get("CNNLAB_CHAOS_SEED", "1"))
SWEEPS = int(os.environ.get("CNNLAB_CHAOS_SWEEPS", "20"))
EPOCHS, TRIALS = 12, 10
SPEC: dict[str, Any] = {
    "reuse": False,
    "model": {"name": "mlp", "hidden": [16]},
    "data": {"name": "fashion-mnist-mini"},
    "train": {"epochs": EPOCHS, "batch_size": 100},
    "space": {
        "train.l2": [0, 0.0001, 0.001, 0.01, 0.1],
        "train.optimizer": ["momentum", {"name": "adam", "lr": 0.002}],
    },
}
MOVING_AGAIN = 120  # seconds within which training must go on after a fault
ENDED = {"succeeded", "partial", "failed", "cancelled"}


def reports(fleet: Fleet) -> int | None:
    """How many epochs are committed; None while the database is away."""
    try:
        return fleet.store.read(
            lambda session: session.execute(select(func.count()).select_from(Report)).scalar_one()
        )
    except SQLAlchemyError:
        return None


def moving_again(fleet: Fleet, ids: list[str]) -> float | None:
    """Seconds until another epoch is committed; None if all has ended meanwhile."""
    began, before = time.monotonic(), None
    while time.monotonic() - began < MOVING_AGAIN:
        now = reports(fleet)
        before = now if before is None else before
        if now is not None and before is not None and now > before:
            return time.monotonic() - began
        if now is not None and unfinished(fleet) == 0:
            return None
        time.sleep(0.1)
    raise AssertionError(f"nothing trained for {MOVING_AGAIN} s; sweeps: {ids}")


def unfinished(fleet: Fleet) -> int:
    """How many submitted sweeps have not ended, by what SQL holds."""
    try:
        return fleet.store.read(
            lambda session: session.execute(
                select(func.count()).select_from(Sweep).where(Sweep.state.not_in(ENDED))
            ).scalar_one()
        )
    except SQLAlchemyError:
        return -1


def test_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    choose = random.Random(SEED)
    with running(tmp_path) as fleet:
        witness = judge.Witness(fleet.store)
        witness.start()
        specs = [SPEC | {"name": f"chaos-{number}", "seed": number % 4} for number in range(SWEEPS)]
        ids = [fleet.submit(spec) for spec in specs[:4]]
        moving_again(fleet, ids)
        done: Counter[str] = Counter()
        recoveries: dict[str, list[float]] = {}
        order: list[str] = []
        while len(ids) < SWEEPS or unfinished(fleet):
            if len(ids) < SWEEPS and unfinished(fleet) < 6:
                ids.append(fleet.submit(specs[len(ids)]))
            if not order:  # every kind of fault once, then every kind once more in another order
                order = choose.sample(sorted(FAULTS), len(FAULTS))
            kind = order.pop()
            if FAULTS[kind](fleet, choose):
                done[kind] += 1
                seconds = moving_again(fleet, ids)
                if seconds is not None:
                    recoveries.setdefault(kind, []).append(seconds)
                print(f"{kind}: {'at the end' if seconds is None else f'{seconds:.1f} s'}")
            time.sleep(choose.uniform(0.5, 2.0))
        violations = witness.close()
        print(f"\n{SWEEPS * TRIALS} trials, {sum(done.values())} faults, {fleet.restarts} restarts")
        for kind in sorted(done):
            took = recoveries.get(kind, [])
            shown = f"median {statistics.median(took):.1f} s, most {max(took):.1f} s" if took else ""
            print(f"| {kind} | {done[kind]} | {shown} |")
        print(
            dict(
                fleet.store.read(
                    lambda s: s.execute(select(Pack.state, func.count()).group_by(Pack.state)).all()
                )
            )
        )
        wait_for(lambda: not behind(fleet), 300, "MLflow complete")
        violations += judge.submitted_once(fleet.store, [spec["name"] for spec in specs])
        cache: dict[Any, list[judge.Curve]] = {}
        for sweep_id in ids:
            violations += judge.succeeded(fleet.store, sweep_id, TRIALS)
            violations += judge.bits_equal(fleet.store, sweep_id, EPOCHS, cache)
            violations += judge.mirrored(fleet, sweep_id)
        epochs = reports(fleet)
        print(f"{epochs} epochs compared; {len(violations)} violations")
        assert violations == []


def behind(fleet: Fleet) -> int:
    """How many trials have no run in MLflow that has ended."""
    query = select(func.count()).select_from(MirrorTrial).join(Trial)
    late = query.where((MirrorTrial.exported_state.is_(None)) | (MirrorTrial.exported_state != Trial.state))
    return int(fleet.store.read(lambda session: session.execute(late).scalar_one()))
