"""What a user submits: a model, a dataset, how to train, and the space to search."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.domain.spec.axis_forms import Whole, Written

MAX_NAME_CHARS = 100

Section = dict[str, Any] | str
Goal = Literal["maximize", "minimize"]
METRICS = ("val/acc", "val/mae", "val/loss", "train/acc", "train/mae", "train/loss")
GOALS = ("maximize", "minimize")


def _plain(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._\-]*", name):
        raise ValueError(
            f"must begin with an ASCII letter or digit and contain only those, spaces and . _ -; got {name!r}"
        )
    return name


Name = Annotated[str, Field(max_length=MAX_NAME_CHARS), AfterValidator(_plain)]


class Objective(BaseModel):
    """The number that ranks trials: one metric, its direction, and which epoch's value counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Literal["val/acc", "val/mae", "val/loss", "train/acc", "train/mae", "train/loss"] = "val/acc"
    goal: Goal = "maximize"
    at: Literal["best", "last"] = "best"

    @model_validator(mode="before")
    @classmethod
    def _goal_follows_the_metric(cls, given: Any) -> Any:
        """Losses and errors are minimized, accuracy is maximized; nobody wants it the other way round.

        A text is the metric alone.
        """
        if isinstance(given, str):
            given = {"metric": given}
        if isinstance(given, dict) and "goal" in given and "metric" not in given:
            raise ValueError("goal needs a metric beside it, or can be left out: it follows from the metric")
        if not isinstance(given, dict) or given.get("metric", "val/acc") not in METRICS:
            return given
        metric = given.get("metric", "val/acc")
        goal = "maximize" if metric.endswith("/acc") else "minimize"
        if given.get("goal") in GOALS and given["goal"] != goal:
            raise ValueError(
                f"the goal of {metric} is to {goal} it, got {given['goal']}; goal can be left out"
            )
        return {"goal": goal, **given}

    def key(self, value: float | None) -> float:
        """Order values so that smaller is better; a missing or NaN value comes last."""
        if value is None or math.isnan(value):
            return math.inf
        return -value if self.goal == "maximize" else value


class Spec(BaseModel):
    """A sweep as submitted. Model, data and train are completed by the catalog, the space by the plan.

    A space without axes is one point: the config itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: Name
    project: Name = "default"
    description: Annotated[str, Field(max_length=2000)] = ""
    model: Section | None = None
    data: Section | None = None
    train: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, Written] = Field(default_factory=dict)
    zip: list[Annotated[list[str], Field(min_length=2)]] = Field(default_factory=list, max_length=20)
    constraints: list[str] = Field(default_factory=list, max_length=20)
    search: str = "grid"
    objective: Objective = Objective()
    max_trials: Annotated[Whole, Field(ge=1)] | None = None
    seeds: Annotated[Whole, Field(ge=1, le=100)] = 1
    seed: Annotated[Whole, Field(ge=0, lt=2**31)] = 0

    def ranked_by(self, measure: str) -> Spec:
        """The spec with an objective: val/acc or val/mae, as the data measure, where it names no metric."""
        if "metric" in self.objective.model_fields_set:
            return self
        given = {name: getattr(self.objective, name) for name in self.objective.model_fields_set - {"goal"}}
        objective = Objective.model_validate({"metric": f"val/{measure}", **given})
        return self.model_copy(update={"objective": objective})

    def sections(self) -> dict[str, Any]:
        """The config before the space is applied."""
        given = {"model": self.model, "data": self.data, "train": self.train}
        return {
            name: {"name": value} if isinstance(value, str) else value
            for name, value in given.items()
            if value is not None
        }
