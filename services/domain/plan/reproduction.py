"""The sweep of one trial that repeats a trial of another sweep, with the same numbers as a result."""

from __future__ import annotations

from collections.abc import Sequence

from services.domain.plan.plan import Pin, Plan, Segment
from services.domain.plan.space import Space
from services.domain.spec.spec import Spec


def repeat(spec: Spec, plan: Plan, trial: str, number: int, segments: Sequence[Segment]) -> tuple[Spec, Plan]:
    """The spec and the plan of a sweep whose one trial repeats trial `number` of this plan.

    `segments` are the places in which the trial has trained; in the last one the repetition goes on to its
    end. The sweep keeps everything that float32 bits depend on besides the machine: config, seeds, replicate,
    places, whether its batches are its own, and what varied. The other rows are dead.
    """
    point = plan.point_of(number)
    config = plan.config(point)
    width = max(segment.width for segment in segments)
    shape = plan.shapes[plan.shape_of(point)].model_copy(
        update={"points": 1, "coordinates": {}, "width": width}
    )
    again = Spec(
        name=f"{spec.name[:80]} t{number:03d} again",
        project=spec.project,
        description=f"Repeats trial {trial} of {spec.name}.",
        model=config["model"],
        data=config["data"],
        train=config["train"],
        objective=spec.objective,
        seed=spec.seed,
    )
    pin = Pin(
        trial=trial,
        name=spec.name,
        replicate=plan.replicate_of(number),
        seed=plan.seed_of(number),
        segments=list(segments),
        varied=plan.varied,
    )
    space = Space(axes=[], seed=plan.space.seed)
    return again, Plan(base=config, space=space, shapes=[shape], pin=pin)
