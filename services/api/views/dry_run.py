"""What a dry run answers, as JSON: the sweep that a submit would make."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pydantic import BaseModel

from services.api.library import Library
from services.api.views.point import CellView, cells
from services.domain.config import as_trained, without
from services.domain.plan import cohorts, dry_run
from services.domain.plan.plan import Plan
from services.domain.spec.spec import Spec
from services.store.reuse import Preview
from services.store.speeds import Speed


class ShapePreview(BaseModel):
    """One architecture: its size, its trials and their packs. `flops`: one forward pass of one image.

    `row_by_row` is why its trials cannot pass through the net together, null where they can.
    """

    key: str
    values: dict[str, Any]
    cells: list[CellView]  # of the axes that make a shape what it is
    parameters: int
    flops: int
    bytes_per_row: int
    width: int
    points: int
    trials: int
    packs: int
    epochs: int
    row_by_row: str | None


class ReusedPreview(BaseModel):
    """Trials that would not be trained, or not from the beginning, and the epochs that this saves.

    Other sweeps of the project have them. Of a large sweep only the first trials are looked up.
    """

    trials: int
    begun: int
    epochs: int


class DryRunView(BaseModel):
    """The sweep that a submit would make; if `seconds` is null, `seconds_from` says why.

    `epochs` are those of all trials together, about, and `epochs_without_stop` what they would be if none was
    stopped early.

    With `by_results` points are chosen while the sweep goes on: numbers of points, trials and packs of a
    shape are those it has at most.
    """

    by_results: bool
    trials: int
    points: int
    seeds: int
    folds: int
    epochs: int
    epochs_without_stop: int
    packs: int
    duplicates: int
    reused: ReusedPreview
    shapes: list[ShapePreview]
    memory_bytes: int
    seconds: float | None
    seconds_from: str
    data_notes: list[str]


def dry_run_view(
    spec: Spec, plan: Plan, library: Library, speeds: Sequence[Speed], devices: int, reused: Preview
) -> DryRunView:
    """What a plan would take on this many devices, or on one if there are none.

    `reused` are the trials that other sweeps have; the time is without their epochs.
    """
    known: dict[str, list[dry_run.MeasuredSpeed]] = {}
    for speed in (speed for speed in speeds if speed.width):  # those of arrays
        measured = dry_run.MeasuredSpeed(speed.images_per_s, speed.width, speed.machine)
        known.setdefault(speed.shape_key, []).append(measured)
    images = [library.training_images(plan.shape_config(index)) for index in range(len(plan.shapes))]
    own_axes = {axis.path for axis in plan.axes if not axis.row}
    epochs = cohorts.expected_epochs(spec, plan)
    packs = [dry_run.packs(plan, shape) for shape in plan.shapes]
    trained = max(0, epochs - reused.epochs)
    seconds, seconds_from = (
        dry_run.seconds(plan, images, known, devices, trained / max(1, plan.epochs))
        if trained
        else (0.0, "other sweeps have all of it")
    )
    return DryRunView(
        by_results=plan.asked is not None,
        trials=plan.trials,
        points=plan.points,
        seeds=plan.seeds,
        folds=plan.folds,
        epochs=epochs,
        epochs_without_stop=plan.epochs,
        packs=sum(packs) if plan.asked is None else max(packs),
        duplicates=dry_run.duplicates(plan),
        reused=ReusedPreview(trials=reused.finished, begun=reused.begun, epochs=reused.epochs),
        shapes=[
            ShapePreview(
                key=shape.key,
                values=_shape_values(plan, index, own_axes),
                cells=[
                    cell for cell in cells(plan.shape_example(index), plan.labels) if cell.path in own_axes
                ],
                parameters=shape.parameters,
                flops=shape.flops,
                bytes_per_row=shape.bytes_per_row,
                width=shape.width,
                points=shape.points,
                trials=shape.points * plan.replicates,
                packs=packs[index],
                epochs=shape.epochs,
                row_by_row=shape.row_by_row or None,
            )
            for index, shape in enumerate(plan.shapes)
        ],
        memory_bytes=max(shape.width * shape.bytes_per_row for shape in plan.shapes),
        seconds=None if seconds is None else round(seconds, 1),
        seconds_from=seconds_from,
        data_notes=plan.data_notes,
    )


def _shape_values(plan: Plan, index: int, own_axes: Collection[str]) -> dict[str, Any]:
    """The values that make a shape what it is, without what other axes set in them."""
    values = as_trained(plan.shape_example(index))
    others = values.keys() - own_axes
    return {
        path: without(
            value, [other.removeprefix(f"{path}.") for other in others if other.startswith(f"{path}.")]
        )
        for path, value in values.items()
        if path in own_axes
    }
