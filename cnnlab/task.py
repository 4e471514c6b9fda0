"""What a net is asked for, classes or numbers, and the metric that goes with it."""

from collections.abc import Mapping

from cnnlab.data import Task

METRICS: Mapping[Task, str] = {"classification": "acc", "regression": "mae"}
GOALS: Mapping[str, str] = {"loss": "minimize", "acc": "maximize", "mae": "minimize"}
