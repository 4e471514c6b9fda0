"""What bookkeeping costs: requests to MLflow, processor time by process, and the stack's rest.

    python -m benchmarks.books [--trials 24] [--epochs 10] [--idle 120] [--noop 0] [--noop-epochs 1]

It starts a stack in a folder of its own, trains a sweep of LeNets (and one of trials that do nothing, if
some are asked for), waits until MLflow has all of it, then watches the stack rest. Requests are counted in
the log of MLflow's server.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from services.client import Client
from services.stack.ports import free
from services.stack.stack import Stack

REQUEST = re.compile(r'"(GET|POST|PUT|DELETE|PATCH) (/\S*) HTTP')
POLL_SECONDS = 1.0
SHORT_POLL_SECONDS = 0.2  # once a sweep has ended
QUIET_SECONDS = 4.0  # without a request, after which no more are expected
NOOP_LEAST = 10  # values of the second axis of a sweep of trials that do nothing


def grid(trials: int, epochs: int) -> dict[str, Any]:
    """A grid of LeNets on the data set that ships with cnnlab; six widths of dropout, then L2 penalties."""
    return {
        "name": f"books-{trials}",
        "model": {"name": "lenet5", "activation": "relu"},
        "data": {"name": "fashion-mnist-mini", "validation": 0.1},
        "train": {"epochs": epochs, "batch_size": 128, "optimizer": {"name": "momentum", "lr": 0.05}},
        "space": {
            "model.dropout": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
            "train.l2": [step * 1e-4 for step in range(trials // 6)],
        },
    }


def nothing(trials: int, epochs: int) -> dict[str, Any]:
    """A grid of trials of the smallest net there is."""
    return {
        "name": f"nothing-{trials}",
        "model": {"name": "mlp", "hidden": [1]},
        "data": {"name": "fashion-mnist-mini", "validation": 0.5},
        "train": {"epochs": epochs, "batch_size": 512},
        "space": {
            "train.l2": [step * 1e-6 for step in range(trials // NOOP_LEAST)],
            "train.optimizer.lr": [0.01 * (1 + step) for step in range(NOOP_LEAST)],
        },
        "max_trials": trials,
    }


# ---- what is measured


def role(process: psutil.Process) -> str:
    """What a process of the stack is."""
    line = " ".join(process.cmdline())
    for part, name in (
        ("workers.runner", "runners"),
        ("valkey", "valkey"),
        ("mlflow", "MLflow"),
        ("uvicorn", "API"),
        ("services.upkeep", "upkeep"),
        ("services.model_export.writer", "upkeep"),
        ("-m workers", "supervisors"),
    ):
        if part in line:
            return name
    return "other"


def processor_seconds() -> Counter[str]:
    """Seconds of processor time by role, of all children of this process.

    Upkeep's have those of the programs that wrote models, which have ended.
    """
    found: Counter[str] = Counter()
    for process in psutil.Process().children(recursive=True):
        try:
            times, what = process.cpu_times(), role(process)
            found[what] += times.user + times.system
            if what == "upkeep":
                found[what] += times.children_user + times.children_system
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def requests(stack: Stack) -> Counter[str]:
    """Requests that MLflow's server has answered, by what they ask for."""
    text = (stack.folder.logs / "mlflow.log").read_text(encoding="utf-8", errors="replace")
    found: Counter[str] = Counter()
    for method, path in REQUEST.findall(text):
        if "/api/" in path:
            short = path.split("/mlflow", 1)[-1].split("?")[0]
            found[f"{method} {'artifacts' if 'artifacts' in short else short}"] += 1
    return found


def moment(text: str) -> float:
    """A time of the API in seconds, as `time.time` counts them."""
    return datetime.fromisoformat(text).timestamp()


def wait_for_end(client: Client, sweep_id: str) -> float:
    """Seconds from the submission of a sweep to its end."""
    sweep = client.wait(sweep_id)
    return moment(sweep["finished_at"]) - moment(sweep["created_at"])


def wait_for_mlflow(stack: Stack, client: Client, sweep_id: str) -> tuple[float, float]:
    """Seconds from the end of a sweep until MLflow has all its trials, and until the last request.

    The last ones are those of the files of its best trials.
    """
    ended = moment(client.sweep(sweep_id)["finished_at"])
    complete, made, last = 0.0, requests(stack), time.time()
    while not complete or time.time() < last + QUIET_SECONDS:
        time.sleep(SHORT_POLL_SECONDS)
        if (now := requests(stack)) != made:
            made, last = now, time.time()
        sweep = {} if complete else client.sweep(sweep_id)["mlflow"]
        if sweep and sweep["runs"] == sweep["of"]:
            complete = time.time()
    return complete - ended, last - ended


# ---- what is printed


def measure(stack: Stack, client: Client, spec: Mapping[str, Any]) -> None:
    """Train a sweep and print what it cost."""
    before, asked = processor_seconds(), requests(stack)
    sweep = client.submit({**spec, "reuse": False})
    trained = wait_for_end(client, sweep["id"])
    at_the_end = processor_seconds() - before
    behind, last = wait_for_mlflow(stack, client, sweep["id"])
    made, cost = requests(stack) - asked, processor_seconds() - before
    trials = client.sweep(sweep["id"])["trials"]["total"]
    say(f"\n{spec['name']}: {trials} trials in {trained:.1f} s")
    say(f"all of them in MLflow {behind:.1f} s later, its last request {last:.1f} s later")
    say(f"requests to MLflow: {sum(made.values())}, {sum(made.values()) / trials:.1f} a trial")
    for what, count in made.most_common():
        say(f"  {count:5}  {what}")
    total = sum(cost.values())
    for name, seconds in cost.most_common():
        share, then = 100 * seconds / total, at_the_end[name]
        say(f"  {seconds:7.2f} s  {share:4.1f} %  {name} ({then:.2f} s at the end of the sweep)")


def rest(seconds: float) -> None:
    """Watch the stack rest and print what that costs."""
    before, began = processor_seconds(), time.monotonic()
    time.sleep(seconds)
    cost, passed = processor_seconds() - before, time.monotonic() - began
    say(f"\nat rest, {passed:.0f} s: {100 * sum(cost.values()) / passed:.2f} % of a core")
    for name, used in cost.most_common():
        say(f"  {100 * used / passed:5.2f} %  {name}")


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def running(workers: int) -> Iterator[tuple[Stack, Client]]:
    """A stack in a folder of its own, ready to train."""
    with (
        tempfile.TemporaryDirectory(prefix="cnnlab-books-") as folder,
        Stack(Path(folder), (free(), free()), workers, say) as stack,
    ):
        stack.take_folder()
        stack.start()
        stack.wait_until_ready()
        while not stack.mlflow_answers():
            time.sleep(POLL_SECONDS)
        with Client(stack.api, stack.key) as client:
            yield stack, client


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--noop", type=int, default=0)
    parser.add_argument("--noop-epochs", type=int, default=1)
    parser.add_argument("--idle", type=float, default=120.0)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with running(given.workers) as (stack, client):
        if given.trials:
            measure(stack, client, {**grid(6, 1), "name": "warm-up"})
            measure(stack, client, grid(given.trials, given.epochs))
        if given.noop:
            measure(stack, client, nothing(given.noop, given.noop_epochs))
        if given.idle:
            time.sleep(10)
            rest(given.idle)


if __name__ == "__main__":
    main()
