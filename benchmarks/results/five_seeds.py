"""One config trained with five seeds as one array, and the test error of its last epoch."""

import os
import statistics
import sys
import time
from collections.abc import Mapping
from typing import Any

import torch

from cnnlab import resolve
from cnnlab.fit import Fit, Row

SEEDS = 5


def errors(config: Mapping[str, Any]) -> list[float]:
    """Train on all images, nothing held out and nothing chosen; return test errors in percent."""
    torch.set_num_threads(1)
    if config["data"] == "mnist" and not os.environ.get("CNNLAB_DATA"):
        sys.exit("set CNNLAB_DATA to a folder with mnist/: it is not fetched for a measurement")
    data = {"name": config["data"], "validation": 0.0}
    complete = resolve({**config, "data": data, "train": {**config["train"], "test": "each-epoch"}})
    fit = Fit(
        [Row(complete, seed, replicate=seed) for seed in range(SEEDS)], objective=("train/loss", "minimize")
    )
    began = time.perf_counter()
    for epoch in range(1, complete["train"]["epochs"] + 1):
        reports = fit.run_epoch() or []
        found = [100 * (1 - report.metrics["test/acc"]) for report in reports]
        if epoch in (1, complete["train"]["epochs"]) or epoch % 10 == 0:
            say(f"  epoch {epoch}: {spread(found)} ({time.perf_counter() - began:.0f} s)")
    return found


def spread(values: list[float]) -> str:
    """Return mean ± standard deviation, and the values."""
    each = ", ".join(f"{value:.2f}" for value in values)
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f} % ({each})"


def say(words: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()
