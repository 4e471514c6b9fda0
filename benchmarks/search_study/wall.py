"""Real runs of the grid of 81 points, for wall time: methods of the service in turn with Ray Tune's ASHA.

Every run is a line of records/wall.jsonl at once; a run that is there is not repeated, so what was cut off
goes on. Without that file everything is measured anew.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.rivals import images, records
from benchmarks.rivals.machine import load, machine
from benchmarks.rivals.side import LOOPS, ONE_THREAD, Running, Side
from benchmarks.search_study.methods import LIBRARY_METHODS, METHODS
from benchmarks.search_study.recorded_curves import HERE
from benchmarks.search_study.running_service import RunningService, running_service
from benchmarks.search_study.wall_table import WALL_SPACE
from services.cli import specfile
from services.domain.random_numbers import permuted

FILE = HERE / "records" / "wall.jsonl"
OURS = ("grid", "first-epoch-5", "halving-3", "halving-4", "tpe-54-halving")
RAY = "ray-asha-3"
ROUNDS = 3
MAX_RUN_SECONDS = 1200.0
READY_SECONDS = 150.0
SEEDS_PER_ROUND = 100  # every sweep has a seed of its own, so that none can use what another has trained
PATHS = {
    "train.optimizer.lr": "lr",
    "train.optimizer.momentum": "momentum",
    "model.dropout": "dropout",
    "train.l2": "l2",
}


@dataclass(frozen=True)
class WallRun:
    """One run: seconds, epochs trained, and the best value that was found."""

    seconds: float
    epochs: int
    best: float


def measure(python: Path, rounds: int = ROUNDS) -> None:
    """Measure every method once a round; `python` has Ray."""
    there = {(record["method"], record["round"]) for record in records.read(FILE)}
    missing = [
        (number, method)
        for number in range(1, rounds + 1)
        for method in (*OURS, RAY)
        if (method, number) not in there
    ]
    if not missing:
        sys.stdout.write(f"{FILE} has all {rounds} rounds; delete it to measure anew\n")
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        service = stack.enter_context(running_service(folder / "service"))
        ray = stack.enter_context(
            Running(Side("", f"{LOOPS}.ray_asha", (), ONE_THREAD), python, folder, folder / "ray.log")
        )
        ray.ready(READY_SECONDS)
        setting = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "load": load()}
        spec = specfile.read(HERE / f"{WALL_SPACE}.yaml").spec | {"seeds": 1}
        service.train(spec | {"search": "random", "max_trials": 4, "train": spec["train"] | {"epochs": 1}})
        ray.run(task(spec, 0, folder) | {"epochs": 1}, MAX_RUN_SECONDS)
        for number, method in missing:
            seed = SEEDS_PER_ROUND * number + [*OURS, RAY].index(method)
            run = (
                run_service(service, spec | METHODS[method].spec() | {"seed": seed})
                if method in OURS
                else run_ray(ray, task(spec, seed, folder))
            )
            records.append(FILE, {"method": method, "round": number, **asdict(run), **setting})
            sys.stdout.write(
                f"round {number}, {method}: {run.seconds:.1f} s, {run.epochs} epochs, {run.best:.4f}\n"
            )


def run_service(service: RunningService, spec: dict[str, Any]) -> WallRun:
    """Train a sweep through the service."""
    ended = service.train(spec)
    best = service.client.leaderboard(ended.sweep["id"], 1)["points"][0]["mean"]
    return WallRun(round(ended.seconds, 2), ended.sweep["epochs"]["done"], best)


def run_ray(ray: Running, message: dict[str, Any]) -> WallRun:
    """Train the same grid through Ray Tune."""
    answer = ray.run(message, MAX_RUN_SECONDS)
    return WallRun(round(answer["wall"], 2), answer["epochs"], max(answer["accuracies"]))


def task(spec: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
    """What benchmarks/rivals/loops/ray_asha.py is sent: the grid's trials, and where the images are."""
    split = folder / f"split-{seed}.npz"
    images.write_split(spec["data"], spec["data"]["validation"], seed, split)
    names = [PATHS[path] for path in spec["space"]]
    trials = [dict(zip(names, values, strict=True)) for values in itertools.product(*spec["space"].values())]
    train = spec["train"]
    return {
        "net": spec["model"],
        "trials": trials,
        "epochs": train["epochs"],
        "batch": train["batch_size"],
        "seed": seed,
        "split": str(split),
        "order": [permuted(number, len(trials), seed, "order") for number in range(len(trials))],
        "eta": LIBRARY_METHODS[RAY].settings["eta"],
    }
