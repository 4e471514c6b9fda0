"""The service on a GPU: a grid over HTTP whose runner is killed once."""

from __future__ import annotations

import contextlib
import time

import psutil
import torch

from benchmarks import books
from benchmarks.gpu.setting import Results, Setting
from services.domain.states import SWEEP_FINAL

RATES = [round(0.01 * 1.1**i, 6) for i in range(32)]  # of the grid of 256 trials
MAX_SERVICE_SECONDS = 240.0
DECAYS = [0.0, *(10.0**-e for e in range(6, 2, -1)), 0.002, 0.005, 0.01]


def service(setting: Setting) -> Results:
    """Train a grid of LeNet-5 over HTTP and kill the runner once: seconds to the end, memory left over.

    In short it is a grid of four tiny nets.
    """
    free = torch.cuda.mem_get_info()[0] if setting.device == "cuda" else 0
    rates, decays = ([0.01, 0.02], [0.0, 0.001]) if setting.short else (RATES, DECAYS)
    spec = {
        "name": "gpu",
        "model": {"name": "mlp", "hidden": [8]} if setting.short else {"name": "lenet5"},
        "data": "fashion-mnist-mini",
        "train": {"epochs": 3, "optimizer": {"name": "momentum"}},
        "space": {"train.optimizer.lr": rates, "train.l2.strength": decays},
    }
    with books.running(1) as (stack, client):
        began, killed, final = time.monotonic(), False, 0.0
        sweep = client.submit(spec)
        while not final or sweep["mlflow"]["runs"] < sweep["trials"]["total"]:
            if time.monotonic() - began > MAX_SERVICE_SECONDS:
                raise TimeoutError(f"the sweep has not ended: {sweep['trials']}")
            stack.keep_alive()
            sweep = client.sweep(sweep["id"])
            if not killed and sweep["trials"].get("running"):
                killed = kill_runner()
            if sweep["state"] in SWEEP_FINAL:
                final = final or time.monotonic() - began
            time.sleep(0.1)
        found = {
            "trials": sweep["trials"],
            "state": sweep["state"],
            "runner killed": killed,
            "final after s": round(final, 1),
            "in MLflow after s": round(time.monotonic() - began, 1),
        }
    if setting.device == "cuda":
        found["MiB not freed"] = (free - torch.cuda.mem_get_info()[0]) // 2**20
    return found


def kill_runner() -> bool:
    """Kill the process that trains; returns whether there was one."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may just have ended
            if "workers.runner" in process.cmdline():
                process.kill()
                return True
    return False
