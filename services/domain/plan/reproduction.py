"""The sweep of one trial that repeats a trial of another sweep, with the same numbers as a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from services.domain.plan.plan import Pin, Plan, Segment
from services.domain.plan.space import Space
from services.domain.spec.spec import Spec


class Recorded(Protocol):
    """A trial as it is stored."""

    @property
    def id(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def replicate(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def shape(self) -> int: ...
    @property
    def values(self) -> Mapping[str, Any]: ...


def repeat(spec: Spec, plan: Plan, trial: Recorded, segments: Sequence[Segment]) -> tuple[Spec, Plan]:
    """The spec and the plan of a sweep whose one trial repeats a trial of this plan.

    `segments` are the places in which the trial has trained; in the last one the repetition goes on to its
    end. The sweep keeps everything that float32 bits depend on besides the machine: config, seeds, replicate,
    places, whether its batches are its own, and what varied. The other rows are dead.
    """
    width = max(segment.width for segment in segments)
    config = plan.config_of(trial)
    shape = plan.shapes[trial.shape].model_copy(update={"points": 1, "coordinates": {}, "width": width})
    again = Spec(
        name=f"{spec.name[:80]} t{trial.number:03d} again",
        project=spec.project,
        description=f"Repeats trial {trial.id} of {spec.name}.",
        model=config["model"],
        data=config["data"],
        train=config["train"],
        objective=spec.objective,
        seed=spec.seed,
    )
    pin = Pin(
        trial=trial.id,
        name=spec.name,
        replicate=trial.replicate,
        seed=trial.seed,
        segments=list(segments),
        varied=plan.varied,
    )
    space = Space(axes=[], seed=plan.space.seed)
    return again, Plan(base=config, space=space, shapes=[shape], pin=pin)
