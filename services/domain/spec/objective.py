"""The number that ranks trials: a metric on one part of the data, its goal, and which epoch counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

Goal = Literal["maximize", "minimize"]
PARTS = ("val", "train")  # on which trials can be ranked; the test images decide nothing


class MetricKey(NamedTuple):
    """A metric on one part of the data, as curves name it: `val/acc` is the metric acc on the part val."""

    part: str
    name: str

    @classmethod
    def parse(cls, text: str) -> MetricKey:
        """Read a curve's name; one without a part, such as `lr`, is the name alone."""
        part, _, name = text.rpartition("/")
        return cls(part, name)

    def __str__(self) -> str:
        return f"{self.part}/{self.name}"


class MetricFacts(BaseModel):
    """What the catalog says of a metric; `error` names 1 − value where that is a share of errors.

    `entry` is its name in the catalog where that differs: a metric of each class has a name for each of them.
    `unranked` is why it is no objective.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    goal: Goal
    label: str
    error: str = ""
    entry: str = ""
    unranked: str = ""


LOSS = MetricFacts(name="loss", goal="minimize", label="loss")  # measured always, whatever the data


class Objective(BaseModel):
    """The number that ranks trials: one metric, its direction, and which epoch's value counts.

    Metric and goal can be left out: the metric follows from the data, the goal from the metric.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Annotated[str, Field(max_length=100)] = "val/acc"
    goal: Goal = "maximize"  # until `completed` puts the metric's own here
    at: Literal["best", "last"] = "best"

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, given: Any) -> Any:
        """Read a text as the metric alone, and fill in the goal of a loss, which no catalog has."""
        if isinstance(given, str):
            given = {"metric": given}
        if isinstance(given, dict) and "goal" in given and "metric" not in given:
            raise ValueError("goal needs a metric beside it, or can be left out: it follows from the metric")
        if isinstance(given, dict) and MetricKey.parse(str(given.get("metric"))).name == LOSS.name:
            return {"goal": LOSS.goal, **given}
        return given

    @property
    def measured(self) -> MetricKey:
        """The metric and the part it is measured on."""
        return MetricKey.parse(self.metric)

    def completed(self, metrics: Sequence[MetricFacts]) -> Objective:
        """The objective with what it leaves out, from the metrics that the data have, the default first.

        The metric is the default one on the validation part; the goal is the metric's own. A goal that is
        written stays, whatever it is.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        metric = given.setdefault("metric", str(MetricKey("val", metrics[0].name)))
        goals = {each.name: each.goal for each in (*metrics, LOSS)}
        if goal := goals.get(MetricKey.parse(metric).name):
            given.setdefault("goal", goal)
        return Objective.model_validate(given)

    def key(self, value: float | None) -> float:
        """Order values so that smaller is better; a missing or NaN value comes last."""
        if value is None or math.isnan(value):
            return math.inf
        return -value if self.goal == "maximize" else value
