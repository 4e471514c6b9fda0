"""A thousand trials over HTTP with one worker, from POST until SQL and MLflow have the last one's end."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import books
from benchmarks.gpu.setting import Results, Setting
from benchmarks.rivals.service import in_mlflow
from cnnlab.datasets.fashion_mnist import FILES
from services.domain.states import SWEEP_FINAL, TRIAL_FINAL

MAX_SECONDS = 180.0  # after which what there is by then is the result
POLL_SECONDS = 0.2
RATES = [round(0.005 * 1.08**i, 6) for i in range(40)]
DECAYS = [0.0, *(1e-6 * 1.4**i for i in range(24))]
TIMELINE = """
SELECT (SELECT created_at FROM sweeps), (SELECT min(leased_at) FROM packs),
       min(at), max(at), (SELECT max(finished_at) FROM trials) FROM reports
"""
PACKS = """
SELECT count(*), min(width), max(width), sum(closed_at - leased_at), sum(busy_ms)
FROM packs WHERE closed_at IS NOT NULL AND leased_at IS NOT NULL
"""
POINTS = ("first lease", "first epoch", "last epoch", "last final in SQL")


def data_name() -> str:
    """Return the full data set where this machine has it, else the part that ships with cnnlab."""
    files = (FILES.train_x, FILES.train_y, FILES.test_x, FILES.test_y)
    return "fashion-mnist" if all(map(FILES.find, files)) else "fashion-mnist-mini"


def grid(setting: Setting) -> dict[str, Any]:
    """Return the spec: 1,000 LeNet-5 for ten epochs; in short six tiny nets for one."""
    rates, decays = (RATES[:3], DECAYS[:2]) if setting.short else (RATES, DECAYS)
    return {
        "name": "thousand",
        "model": {"name": "mlp", "hidden": [8]} if setting.short else {"name": "lenet5"},
        "data": "fashion-mnist-mini" if setting.short else data_name(),
        "train": {"epochs": 1 if setting.short else 10, "optimizer": {"name": "momentum"}},
        "space": {"train.optimizer.lr": rates, "train.l2.strength": decays},
        "max_trials": len(rates) * len(decays),
    }


def timeline(database: Path) -> Results:
    """Read from SQL when the sweep's steps were, in seconds after it was written, and what packs spent."""
    with closing(sqlite3.connect(database)) as connection:
        began, *points = connection.execute(TIMELINE).fetchone()
        packs, least, most, held, busy = connection.execute(PACKS).fetchone()
    found: Results = {
        f"{name}, s": round((at - began) / 1000, 2)
        for name, at in zip(POINTS, points, strict=True)
        if at is not None
    }
    if packs:
        found |= {
            "packs": packs,
            "widths": f"{least} to {most}",
            "packs held, s": round(held / 1000, 2),
            "of which not in training (begin, commits, waits), s": round((held - busy) / 1000, 2),
        }
    return found


def thousand(setting: Setting) -> Results:
    """Train the grid; where the time is over before its end, the result says how far it came."""
    spec = grid(setting)
    with books.running(1) as (stack, client):
        spent, asked = books.processor_seconds(), books.requests(stack)
        began = time.monotonic()
        sweep = client.submit(spec)
        found: Results = {"data": spec["data"], "submit, s": round(time.monotonic() - began, 2)}
        while (passed := time.monotonic() - began) < MAX_SECONDS:
            stack.keep_alive()
            sweep = client.sweep(sweep["id"])
            if sum(sweep["trials"].get(state, 0) for state in TRIAL_FINAL) == sweep["trials"]["total"]:
                found.setdefault("runs in MLflow when the last was final in SQL", sweep["mlflow"]["runs"])
            if sweep["state"] in SWEEP_FINAL and in_mlflow(sweep, stack.mlflow):
                found["last in MLflow, s"] = round(passed, 2)
                break
            time.sleep(POLL_SECONDS)
        made = sum((books.requests(stack) - asked).values())
        found |= {
            "trials": sweep["trials"],
            "runs in MLflow": f"{sweep['mlflow']['runs']} of {sweep['trials']['total']}",
            **timeline(stack.folder.root / "state.db"),
            "requests to MLflow a trial": round(made / sweep["trials"]["total"], 1),
        }
        cost = books.processor_seconds() - spent
        return found | {f"processor of {name}, s": round(used, 1) for name, used in cost.most_common()}
