"""Example sweeps, shown in the OpenAPI document."""

from __future__ import annotations

from typing import Any

_DATA = {"name": "fashion-mnist-mini", "validation": 0.1}

EXAMPLE_SPECS: dict[str, Any] = {
    "grid": {
        "summary": "A grid: every combination once",
        "value": {
            "name": "dropout-grid",
            "model": {"name": "lenet5"},
            "data": _DATA,
            "train": {"epochs": 3, "batch_size": 128},
            "space": {
                "model.dropout": [0.0, 0.25, 0.5],
                "train.optimizer": [{"name": "momentum", "lr": 0.05}, {"name": "adam", "lr": 0.001}],
            },
            "objective": {"metric": "val/acc", "at": "best"},
        },
    },
    "random": {
        "summary": "A random search: ranges, and an axis that only one optimizer has",
        "value": {
            "name": "random-search",
            "model": {"name": "lenet5"},
            "data": _DATA,
            "train": {"epochs": 3},
            "space": {
                "train.optimizer": ["momentum", "adam"],
                "train.optimizer.lr": {"log_uniform": [0.0001, 0.1]},
                "train.optimizer.momentum": {"uniform": [0.5, 0.95], "when": {"train.optimizer": "momentum"}},
                "train.l2": {"log_uniform": [0.00001, 0.01]},
            },
            "search": "random",
            "max_trials": 20,
        },
    },
    "seeds": {
        "summary": "Five seeds per point: means with 95 % intervals",
        "value": {
            "name": "is-it-luck",
            "model": {"name": "lenet5"},
            "data": _DATA,
            "train": {"epochs": 3},
            "space": {"model.dropout": [0.0, 0.5]},
            "seeds": 5,
        },
    },
}
