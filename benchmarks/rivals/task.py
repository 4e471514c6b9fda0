"""What every side computes: a net, a grid of its hyperparameters, and how long each trial trains."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, replace
from typing import Any

VALIDATION = 0.1  # share of the images that measure a trial
GROWTH = (1, 4, 8, 16, 24, 96)  # numbers of trials
MODELS: dict[str, dict[str, Any]] = {
    "lenet5": {"name": "lenet5"},
    "tutorial-cnn": {"name": "tutorial-cnn"},
    "mlp": {"name": "mlp", "hidden": [128, 64]},
    "resnet20": {"name": "cifar-resnet", "depth": 20},
}
PATHS = {"dropout": "model.dropout", "l2": "train.l2.strength", "lr": "train.optimizer.lr"}

Values = dict[str, float]  # a trial's dropout, l2 and lr


@dataclass(frozen=True)
class Task:
    """A grid: every combination of the values on its axes; SGD with momentum 0.9."""

    net: str
    axes: dict[str, list[float]]
    per_class: int  # images of each class, a tenth of them for validation
    epochs: int
    batch: int = 128

    @property
    def trials(self) -> list[Values]:
        """The hyperparameters of each trial."""
        points = itertools.product(*self.axes.values())
        usual = {"dropout": 0.0, "l2": 0.0, "lr": 0.05}
        return [usual | dict(zip(self.axes, point, strict=True)) for point in points]

    def message(self, data: str, seed: int) -> dict[str, Any]:
        """Return what a side is sent: all of the task, where its images are, and the seed of this run."""
        return {**asdict(self), "trials": self.trials, "data": data, "seed": seed}

    def spec(self, data: str, seed: int) -> dict[str, Any]:
        """Return the same as the spec of a sweep."""
        return {
            "name": f"bench-{self.net}",
            "model": MODELS[self.net],
            "data": {"name": "npz", "path": data, "validation": VALIDATION},
            "train": {
                "epochs": self.epochs,
                "batch_size": self.batch,
                "optimizer": {"name": "momentum"},
                "l2": {"scope": "all"},
            },
            "space": {PATHS[axis]: values for axis, values in self.axes.items()},
            "objective": {"metric": "val/acc", "at": "last"},
            "seed": seed,
            "reuse": False,
        }


# With these images per class all batches of 128 are full: 512, 256 and 64 to train on, the rest to validate.
GRIDS = {
    "lenet5": Task(
        "lenet5",
        {"dropout": [0.0, 0.2, 0.4], "l2": [0.0, 5e-4], "lr": [0.01, 0.02, 0.05, 0.1]},
        per_class=569,
        epochs=4,
    ),
    "tutorial-cnn": Task(
        "tutorial-cnn",
        {"dropout": [0.0, 0.25, 0.5], "l2": [0.0, 5e-4], "lr": [0.02, 0.05]},
        per_class=284,
        epochs=3,
    ),
    "mlp": Task(
        "mlp",
        {"dropout": [0.0, 0.2], "l2": [0.0, 5e-4], "lr": [0.01, 0.02, 0.05, 0.1]},
        per_class=569,
        epochs=25,
    ),
    "lone-lenet5": Task("lenet5", {"lr": [0.05]}, per_class=569, epochs=4),
    "resnet20": Task("resnet20", {"l2": [0.0, 5e-4], "lr": [0.05, 0.1]}, per_class=71, epochs=3),
}


def growth(count: int) -> Task:
    """A sweep of so many LeNet-5 that differ in their learning rate."""
    rates = [round(0.01 * 10 ** (i / max(1, count - 1)), 6) for i in range(count)]
    return Task("lenet5", {"dropout": [0.2], "lr": rates}, per_class=569, epochs=1)


def small(task: Task) -> Task:
    """The same in seconds, to see that every side runs: few images, one epoch, two values on an axis."""
    axes = {axis: values[:2] for axis, values in task.axes.items()}
    return replace(task, axes=axes, per_class=30, epochs=1)
