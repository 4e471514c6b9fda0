"""Kills while sweeps with rungs train: `make chaos`. Every sweep decides as the undisturbed one did.

CNNLAB_CHAOS_SEED chooses the kills, CNNLAB_CHAOS_KILLS how many there are.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from chaos import judge
from chaos.faults import FAULTS
from chaos.fleet import Fleet, running
from chaos.test_random_faults import moving_again, unfinished

from services.domain.retry import LOST_BUDGET
from services.store import rung_decisions

SEED = int(os.environ.get("CNNLAB_CHAOS_SEED", "1"))
KILLS = int(os.environ.get("CNNLAB_CHAOS_KILLS", "30"))
HARMLESS = ("upkeep killed", "api killed")  # no pack is lost
KINDS = (
    *("runner killed", "supervisor killed", "worker killed", "both workers killed"),
    *HARMLESS,
)
SPEC: dict[str, Any] = {
    "reuse": False,
    "model": {"name": "mlp", "hidden": [16]},
    "data": {"name": "fashion-mnist-mini"},
    "train": {"epochs": 9, "batch_size": 50},
    "space": {
        "train.l2": [0, 0.0001, 0.001, 0.01, 0.1, 1],
        "train.optimizer.lr": [0.003, 0.01, 0.03],
    },
    "stop": {"name": "halving", "eta": 3},
    "seed": 3,
}

Outcome = tuple[list[Any], list[tuple[int, str, Any]], list[judge.Curve]]


def outcome(fleet: Fleet, sweep_id: str) -> Outcome:
    """The decisions of a sweep with their inputs, how each trial ended, and every curve."""
    decisions = fleet.store.read(lambda session: rung_decisions.of_sweep(session, sweep_id))
    trials, curves = judge.trials_of(fleet.store, sweep_id), judge.curves_of(fleet.store, sweep_id)
    return (
        [(each.cohort, each.epoch, each.inputs, each.kept) for each in decisions],
        [(trial.number, trial.state, trial.stopped) for trial in trials],
        [curves.get(trial.id, {}) for trial in trials],
    )


def test_kills_at_rungs_change_no_decision(tmp_path: Path) -> None:
    choose = random.Random(SEED)
    with running(tmp_path) as fleet:
        witness = judge.Witness(fleet.store)
        witness.start()
        first = fleet.submit(SPEC | {"name": "undisturbed"})
        while unfinished(fleet):
            time.sleep(0.2)
        expected = outcome(fleet, first)
        assert [len(kept) for _, _, _, kept in expected[0]] == [6, 2]
        done: Counter[str] = Counter()
        ids: list[str] = []
        lost = 0  # packs, of the present sweep
        while sum(done.values()) < KILLS or unfinished(fleet):
            if sum(done.values()) < KILLS and unfinished(fleet) == 0:
                ids.append(fleet.submit(SPEC | {"name": f"disturbed-{len(ids)}"}))
                lost = 0
            time.sleep(choose.uniform(0.1, 2.0))
            # A trial has failed after LOST_BUDGET lost hosts, by rule; then other points go on.
            kind = choose.choice(KINDS if lost < LOST_BUDGET - 1 else HARMLESS)
            lost += kind not in HARMLESS
            if sum(done.values()) < KILLS and unfinished(fleet) and FAULTS[kind](fleet, choose):
                done[kind] += 1
                moving_again(fleet, ids)  # else trials would use up their attempts
        violations = witness.close()
        for sweep_id in ids:
            for what, found, wanted in zip(
                ("decisions", "ends", "curves"), outcome(fleet, sweep_id), expected, strict=True
            ):
                other = [
                    (at, *both)
                    for at, both in enumerate(zip(found, wanted, strict=False))
                    if both[0] != both[1]
                ]
                if found != wanted:
                    violations.append(f"sweep {sweep_id}: other {what}, first {str(other[:1])[:1000]}")
                    print(violations[-1])
        print(f"\n{len(ids)} sweeps of 18 trials, {sum(done.values())} kills: {dict(done)}")
        print(f"{fleet.restarts} restarts, {len(violations)} violations")
        assert violations == []
