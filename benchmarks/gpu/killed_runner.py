"""The service on a GPU: a grid over HTTP whose runner is killed once."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import psutil
import torch

from benchmarks import books
from benchmarks.gpu.setting import Results, Setting
from services.client import Client
from services.domain.states import SWEEP_FINAL
from services.stack.stack import Stack

Curves = dict[int, tuple[set[int], list[dict[str, Any]]]]  # widths and metrics of each epoch, by trial

RATES = [round(0.01 * 1.1**i, 6) for i in range(32)]  # of the grid of 256 trials
EPOCHS = 6  # of a trial: enough that a runner can be killed behind the first and before the last one
IDLE_SECONDS = 2.0
MAX_SERVICE_SECONDS = 240.0
DECAYS = [0.0, *(10.0**-e for e in range(6, 2, -1)), 0.002, 0.005, 0.01]


def service(setting: Setting) -> Results:
    """Train a grid of LeNet-5 over HTTP and kill the runner once: seconds to the end, memory left over.

    The runner is killed when an epoch is committed and another one is to come. Then the grid is trained once
    more, undisturbed: curves of trials that had the same widths must be the same bit for bit. Memory is read
    while the workers are alive. In short it is a grid of four tiny nets.
    """
    free = torch.cuda.mem_get_info()[0] if setting.device == "cuda" else 0
    rates, decays = ([0.01, 0.02], [0.0, 0.001]) if setting.short else (RATES, DECAYS)
    spec = {
        "name": "gpu",
        "model": {"name": "mlp", "hidden": [8]} if setting.short else {"name": "lenet5"},
        "data": "fashion-mnist-mini",
        "train": {"epochs": EPOCHS, "optimizer": {"name": "momentum"}},
        "reuse": False,
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
            if not killed and has_epochs(client, sweep["id"]):
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
            time.sleep(IDLE_SECONDS)  # the runner gives memory back after its pack
            found["MiB that idle workers hold"] = (free - torch.cuda.mem_get_info()[0]) // 2**20
        found |= compared(undisturbed(stack, client, spec, began), curves(client, sweep["id"]))
    return found


def has_epochs(client: Client, sweep: str) -> bool:
    """Whether a trial that is running has a committed epoch and others before it."""
    return any(0 < trial["epoch"] < EPOCHS for trial in client.trials(sweep, state=["running"]))


def undisturbed(stack: Stack, client: Client, spec: dict[str, Any], began: float) -> Curves:
    """Train a sweep to its end and return its curves."""
    sweep = client.submit({**spec, "name": "gpu-undisturbed"})
    while sweep["state"] not in SWEEP_FINAL:
        if time.monotonic() - began > MAX_SERVICE_SECONDS:
            raise TimeoutError(f"the undisturbed sweep has not ended: {sweep['trials']}")
        stack.keep_alive()
        time.sleep(0.1)
        sweep = client.sweep(sweep["id"])
    return curves(client, sweep["id"])


def curves(client: Client, sweep: str) -> Curves:
    """Return the widths and the curve of each trial of a sweep, by its number."""
    found: Curves = {}
    for brief in client.trials(sweep):
        trial = client.trial(brief["id"])
        widths = {attempt["width"] for attempt in trial["attempts"] if attempt["engine"]}
        curve = [
            {name: value for name, value in each["metrics"].items() if not name.startswith("perf/")}
            for each in trial["curve"]
        ]
        found[brief["number"]] = widths, curve
    return found


def compared(one: Curves, other: Curves) -> Results:
    """Say how many trials had the same widths in two sweeps, and how many of these the same curve."""
    alike = [number for number in one if one[number][0] == other[number][0]]
    same = sum(one[number][1] == other[number][1] for number in alike)
    return {
        "trials of the same widths when undisturbed": f"{len(alike)} of {len(one)}",
        "of which with the same curve, bit for bit": same,
    }


def kill_runner() -> bool:
    """Kill the process that trains; returns whether there was one."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may just have ended
            if "workers.runner" in process.cmdline():
                process.kill()
                return True
    return False
