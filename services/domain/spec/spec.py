"""What a user submits: a model, a dataset, how to train, and the space to search."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.domain.spec.axis_forms import Whole, Written
from services.domain.spec.display_name import Description, Name
from services.domain.spec.objective import MetricFacts, Objective
from services.domain.spec.stop import Stop

MAX_GIVEN_POINTS = 1000
MAX_WARM_STARTS = 10

Section = dict[str, Any] | str


MAX_PRIORITY = 10
Priority = Annotated[Whole, Field(ge=-MAX_PRIORITY, le=MAX_PRIORITY)]


class Spec(BaseModel):
    """A sweep as submitted. Model, data and train are completed by the catalog, the space by the plan.

    A space without axes is one point: the config itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: Name
    project: Name = "default"
    description: Description = ""
    model: Section | None = None
    data: Section | None = None
    train: dict[str, Any] = Field(default_factory=dict)
    space: dict[str, Written] = Field(default_factory=dict)
    zip: list[Annotated[list[str], Field(min_length=2)]] = Field(default_factory=list, max_length=20)
    constraints: list[str] = Field(default_factory=list, max_length=20)
    search: str = "grid"
    stop: Stop = Field(default_factory=list)
    points: list[dict[str, Any]] = Field(default_factory=list, max_length=MAX_GIVEN_POINTS)
    warm_start: list[str] = Field(default_factory=list, max_length=MAX_WARM_STARTS)
    objective: Objective = Objective()
    max_trials: Annotated[Whole, Field(ge=1)] | None = None
    seeds: Annotated[Whole, Field(ge=1, le=100)] = 1
    race: bool = False
    reuse: Annotated[bool, Field(strict=True)] = True
    priority: Priority = 0
    seed: Annotated[Whole, Field(ge=0, lt=2**31)] = 0

    @model_validator(mode="before")
    @classmethod
    def _empty_fields(cls, given: Any) -> Any:
        """Take a field with nothing below it, as where all of it is commented out, as left out."""
        if not isinstance(given, Mapping):
            return given
        optional = {"train", "space", "zip", "constraints", "description", "objective", "project", "stop"}
        optional |= {"points", "warm_start"}
        return {key: value for key, value in given.items() if value is not None or key not in optional}

    @property
    def folds(self) -> int:
        """On how many folds of its data each point is trained, as data.folds says; 1 without folds."""
        written = self.data.get("folds") if isinstance(self.data, Mapping) else None
        whole = re.fullmatch(r"([1-9]\d{0,2})(\.0)?", str(written))
        return max(1, int(whole[1])) if whole else 1

    @property
    def replicates(self) -> int:
        """How many trials a point has: each seed on each fold."""
        return self.seeds * self.folds

    def with_default_metric(self, metrics: Sequence[MetricFacts]) -> Spec:
        """The spec with its objective complete, from the metrics that its data have, the default first."""
        return self.model_copy(update={"objective": self.objective.completed(metrics)})

    def sections(self) -> dict[str, Any]:
        """The config before the space is applied."""
        given = {"model": self.model, "data": self.data, "train": self.train}
        return {
            name: {"name": value} if isinstance(value, str) else value
            for name, value in given.items()
            if value is not None
        }
