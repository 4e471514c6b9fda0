"""Whether arrays and plain loops are equally accurate: `python -m benchmarks.same_accuracy [NET …]`.

The nets, images, epochs and batches of `benchmarks.rivals`. Each seed splits the images anew and trains some
points of the grid on both sides, once as rows of an array and once as a tutorial's loop; they are measured on
the test images. The line of a net has the mean over seeds of both, and of their difference with its standard
error: both sides draw first weights and batches of their own, so one seed says little.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.rivals import images
from benchmarks.rivals.loops import training
from benchmarks.rivals.task import GRIDS, MODELS, VALIDATION, Task, Values
from cnnlab import resolve
from cnnlab.batching.batch_order import split
from cnnlab.data import data_set
from cnnlab.fit import Fit, Row

DATA = "fashion-mnist-mini"
NETS = [name for name in GRIDS if name in MODELS]
PLUGINS = Path(images.__file__).with_name("plugins")


def write(task: Task, folder: Path, seed: int) -> tuple[str, Path]:
    """Write a seed's images: all, with the test images, for an array; the same training part for a loop."""
    section = resolve({"model": "mlp", "data": DATA})["data"]
    known = data_set(section).load(section)
    classes = [(known.train_y == c).nonzero()[: task.per_class, 0] for c in known.train_y.unique()]
    chosen = torch.cat(classes).sort().values
    x, y = known.train_x[chosen], known.train_y[chosen]
    name, file = f"{task.net}-{task.per_class}.npz", folder / f"split-{seed}.npz"
    if not (folder / name).exists():
        np.savez(
            folder / name,
            train_x=x.permute(0, 2, 3, 1).numpy(), train_y=y.numpy(),
            test_x=known.test_x.permute(0, 2, 3, 1).numpy(), test_y=known.test_y.numpy(),
        )  # fmt: skip
    train, _ = split(y, VALIDATION, seed)
    pixels = x[train].double() / 255
    np.savez(
        file,
        train_x=x[train].numpy(), train_y=y[train].numpy(),
        val_x=known.test_x.numpy(), val_y=known.test_y.numpy(),
        mean=pixels.mean().item(), std=pixels.std(correction=0).item(),
    )  # fmt: skip
    return name, file


def config(task: Task, values: Values, name: str, seed: int) -> dict[str, Any]:
    """Return the config of a trial, measured on the test images after each epoch."""
    spec = task.spec(name, seed)
    model, train = dict(spec["model"]), dict(spec["train"])
    if "dropout" in task.axes:
        model["dropout"] = values["dropout"]
    train["optimizer"] = {"name": "momentum", "lr": values["lr"]}
    train["l2"] = {"scope": "all", "strength": values["l2"]}
    return resolve({"model": model, "data": spec["data"], "train": {**train, "test": "each-epoch"}})


def of_array(task: Task, points: Sequence[Values], name: str, seed: int) -> float:
    """Return the mean accuracy of an array of these points."""
    rows = [
        Row(config(task, values, name, seed), 1000 * seed + at, data_seed=seed)
        for at, values in enumerate(points)
    ]
    fit = Fit(rows)
    reports = [fit.run_epoch() for _ in range(task.epochs)]
    return statistics.fmean(report.metrics["test/acc"] for report in reports[-1] or [])


def of_loops(task: Task, points: Sequence[Values], file: Path, seed: int) -> float:
    """Return the mean accuracy of plain loops with these points."""
    message: Mapping[str, Any] = task.message("", seed)
    own = training.Images(str(file))
    return statistics.fmean(
        [*training.train(message, values, at, own, tuned=False)][-1] for at, values in enumerate(points)
    )


def main() -> None:
    """Print a line for each net."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_accuracy")
    parser.add_argument("nets", nargs="*", default=NETS, help=", ".join(NETS))
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--points", type=int, default=4, help="of the grid, drawn anew for each seed")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"CNNLAB_DATA": folder, "CNNLAB_PLUGINS": str(PLUGINS)}
        for net in chosen.nets:
            task, ours, theirs = GRIDS[net], [], []
            for seed in range(chosen.seeds):
                drawn = torch.randperm(len(task.trials), generator=torch.Generator().manual_seed(seed))
                points = [task.trials[at] for at in drawn[: chosen.points]]
                name, file = write(task, Path(folder), seed)
                ours.append(100 * of_array(task, points, name, seed))
                theirs.append(100 * of_loops(task, points, file, seed))
            apart = [a - b for a, b in zip(ours, theirs, strict=True)]
            error = statistics.stdev(apart) / len(apart) ** 0.5
            sys.stdout.write(
                f"{net}: {len(apart)} seeds, {len(points)} points: array {statistics.fmean(ours):.2f} %, "
                f"plain loop {statistics.fmean(theirs):.2f} %, difference {statistics.fmean(apart):+.2f} ± "
                f"{error:.2f} points\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
