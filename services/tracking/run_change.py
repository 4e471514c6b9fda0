"""What a run of MLflow gets: metrics, params, tags, a data set and a status."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

USER_TAG = "mlflow.user"
MAX_PARAM_CHARS, MAX_TAG_CHARS = 6000, 5000  # the server's own limits are 6,000 and 8,000


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value of a metric; `at` in ms. MLflow keeps equal points once, so `at` must never change."""

    name: str
    value: float
    at: int
    step: int

    def as_json(self) -> dict[str, Any]:
        """The point as MLflow's REST API takes it."""
        return {"key": self.name, "value": self._number, "timestamp": self.at, "step": self.step}

    def as_row(self) -> list[Any]:
        """The point as one of many."""
        return [self.name, self._number, self.at, self.step]

    @property
    def _number(self) -> float | str:
        """The value; as a text what is no finite number."""
        return self.value if math.isfinite(self.value) else json.dumps(self.value)


@dataclass(frozen=True)
class TrainingData:
    """What a run was trained on; `source` is JSON."""

    name: str
    digest: str
    source: str


@dataclass(frozen=True)
class NewRun:
    """A run that is to be made, with the tags that identify it; `start` in ms."""

    experiment_id: str
    name: str
    start: int
    tags: Mapping[str, str]


@dataclass(frozen=True)
class RunChange:
    """A run, given by its id or to be made, and what it gets; `end` in ms."""

    run: NewRun | str
    points: Sequence[MetricPoint] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    data: TrainingData | None = None
    status: str | None = None
    end: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The change as `services/tracking/runs_endpoint.py` describes it."""
        new, tags = None, self.tags
        if isinstance(self.run, NewRun):
            tags = {**self.run.tags, **tags}
            new = {
                "experiment_id": self.run.experiment_id,
                "user_id": tags.get(USER_TAG, "unknown"),
                "run_name": self.run.name,
                "start_time": self.run.start,
            }
        return {
            "run_id": None if new else self.run,
            "new": new,
            "metrics": [point.as_row() for point in self.points],
            "params": cut(self.params, MAX_PARAM_CHARS),
            "tags": cut(tags, MAX_TAG_CHARS),
            "data": self.data and vars(self.data),
            "status": self.status,
            "end_time": self.end,
        }


def cut(texts: Mapping[str, str], size: int) -> dict[str, str]:
    """Cut texts that are longer than `size` characters."""
    return {key: text if len(text) <= size else text[: size - 1] + "…" for key, text in texts.items()}
