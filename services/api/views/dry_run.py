"""What a sweep would be, as JSON: nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from services.api.library import Library
from services.domain.plan import dry_run
from services.domain.plan.plan import Plan
from services.store.models import Speed


class ShapePreview(BaseModel):
    """One architecture: its size, its trials and their packs. FLOPs are of one image, forward."""

    key: str
    values: dict[str, Any]
    parameters: int
    flops: int
    bytes_per_row: int
    width: int
    points: int
    trials: int
    packs: int
    epochs: int


class DryRun(BaseModel):
    """A sweep as it would be; `seconds` is None where no speed is known, as `seconds_from` says."""

    trials: int
    points: int
    seeds: int
    packs: int
    duplicates: int
    shapes: list[ShapePreview]
    memory_bytes: int
    seconds: float | None
    seconds_from: str


def preview(plan: Plan, library: Library, speeds: Sequence[Speed], devices: int) -> DryRun:
    """A plan as it would run on the devices that are alive, or on one."""
    known: dict[str, list[dry_run.MeasuredSpeed]] = {}
    for speed in speeds:
        found = dry_run.MeasuredSpeed(speed.images_per_s, speed.width, speed.machine)
        known.setdefault(speed.shape_key, []).append(found)
    images = [library.training_images(plan.shape_config(index)) for index in range(len(plan.shapes))]
    seconds, words = dry_run.seconds(plan, images, known, devices)
    return DryRun(
        trials=plan.trials,
        points=plan.points,
        seeds=plan.seeds,
        packs=sum(dry_run.packs(plan, shape) for shape in plan.shapes),
        duplicates=dry_run.duplicates(plan),
        shapes=[
            ShapePreview(
                key=shape.key,
                values=plan.shape_values(index),
                parameters=shape.parameters,
                flops=shape.flops,
                bytes_per_row=shape.bytes_per_row,
                width=shape.width,
                points=shape.points,
                trials=shape.points * plan.seeds,
                packs=dry_run.packs(plan, shape),
                epochs=shape.epochs,
            )
            for index, shape in enumerate(plan.shapes)
        ],
        memory_bytes=max(shape.width * shape.bytes_per_row for shape in plan.shapes),
        seconds=None if seconds is None else round(seconds, 1),
        seconds_from=words,
    )
