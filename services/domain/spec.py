"""What a user submits: a model, a dataset, how to train, and the space to search."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

Section = dict[str, Any] | str
Goal = Literal["maximize", "minimize"]
METRICS = ("val/acc", "val/loss", "train/acc", "train/loss")
GOALS = ("maximize", "minimize")


def _plain(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._\-]*", name):
        raise ValueError(
            f"must begin with a letter or digit of ASCII and hold only those, spaces and . _ -; got {name!r}"
        )
    return name


Name = Annotated[str, Field(max_length=100), AfterValidator(_plain)]


def _listed(values: Any) -> Any:
    if not isinstance(values, list):
        raise ValueError(f"an axis must be a list of values: write [{values!r}], got {values!r}")
    return values


Values = Annotated[list[Any], BeforeValidator(_listed)]


class Objective(BaseModel):
    """The number that ranks trials: one metric, its direction, and which epoch's value counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Literal["val/acc", "val/loss", "train/acc", "train/loss"] = "val/acc"
    goal: Goal = "maximize"
    at: Literal["best", "last"] = "best"

    @model_validator(mode="before")
    @classmethod
    def _goal_follows_the_metric(cls, given: Any) -> Any:
        """A loss is minimized, an accuracy maximized; nobody wants it the other way round."""
        if not isinstance(given, dict) or given.get("metric", "val/acc") not in METRICS:
            return given
        metric = given.get("metric", "val/acc")
        goal = "minimize" if metric.endswith("/loss") else "maximize"
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
    """A sweep as submitted. Model, data and train are completed by the catalogue, the space by the plan."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: Name
    project: Name = "default"
    description: Annotated[str, Field(max_length=2000)] = ""
    model: Section | None = None
    data: Section | None = None
    train: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, Values]
    search: str = "grid"
    objective: Objective = Objective()
    max_trials: Annotated[int, Field(strict=True, ge=1)] | None = None
    seeds: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**31)] = 0

    @field_validator("space")
    @classmethod
    def _not_empty(cls, space: dict[str, list[Any]]) -> dict[str, list[Any]]:
        if not space:
            raise ValueError(
                "space must name at least one axis, e.g. {'model.dropout': [0, 0.5]}; "
                "for a single trial give one axis with one value"
            )
        return space

    def sections(self) -> dict[str, Any]:
        """The config before the space is applied."""
        given = {"model": self.model, "data": self.data, "train": self.train}
        return {
            name: {"name": value} if isinstance(value, str) else value
            for name, value in given.items()
            if value is not None
        }
