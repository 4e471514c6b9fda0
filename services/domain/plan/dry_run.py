"""What a sweep would be before it is submitted: its packs, its repeated trials and its running time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.domain.plan import packing
from services.domain.plan.packing import Arrangement
from services.domain.plan.plan import Plan
from services.domain.plan.shape import Shape

MAX_COMPARED_POINTS = 20_000  # of a larger space only the first ones are compared


@dataclass(frozen=True)
class MeasuredSpeed:
    """Images per second, summed over all rows, measured on an array of some width."""

    images_per_s: float
    width: int
    machine: str


def packs(plan: Plan, shape: Shape) -> int:
    """How many packs the trials of a shape fill; of a search by results, if all points are of the shape."""
    return packing.packs(shape.points, plan.replicates, Arrangement(shape.width, shape.mixed))


def duplicates(plan: Plan) -> int:
    """How many trials have the config of an earlier point, and so differ from it in their seed only.

    A search by results never tries a point twice.
    """
    if plan.asked is not None:
        return 0
    points = range(min(plan.points, MAX_COMPARED_POINTS))
    distinct = {json.dumps(plan.config(point), sort_keys=True) for point in points}
    return (len(points) - len(distinct)) * plan.replicates


def measured(shape: Shape, speeds: Sequence[MeasuredSpeed]) -> MeasuredSpeed | None:
    """The measurement at a shape's own width, else at the nearest one; None if there is none."""
    return min(speeds, key=lambda speed: (abs(speed.width - shape.width), -speed.images_per_s), default=None)


def seconds(
    plan: Plan,
    images: Sequence[int],
    speeds: Mapping[str, Sequence[MeasuredSpeed]],
    devices: int,
    share: float = 1.0,
) -> tuple[float | None, str]:
    """Seconds that the sweep would take, and where that is from; None if an architecture was never measured.

    Σ over shapes of trials × epochs × images / speed, times the `share` of epochs that early stopping leaves,
    divided by `devices`, but no less than one trial takes to its end. `images` are those of an epoch, by
    shape; `speeds` the measurements, by shape key.
    """
    if plan.asked is not None and len(plan.shapes) > 1:
        return None, "which architectures are trained depends on results, and with them the time"
    total, longest, machines, unknown = 0.0, 0.0, set[str](), 0
    for shape, each in zip(plan.shapes, images, strict=True):
        speed = measured(shape, speeds.get(shape.key, ()))
        if speed is None:
            unknown += 1
            continue
        row = shape.epochs * each / speed.images_per_s
        rows = shape.points * plan.replicates
        total += rows * row * share
        longest = max(longest, row * (rows / packs(plan, shape) if share == 1 else 1))
        machines.add(speed.machine)
    if unknown:
        shapes = len(plan.shapes)
        count = f"{unknown} of {shapes} architectures" if shapes > 1 else "this architecture"
        return None, f"the speed of {count} was never measured here; the first trials will measure it"
    at_once = f"{devices} devices" if devices > 1 else "one device"
    machines_text = " and ".join(sorted(machines))
    return max(total / max(1, devices), longest), f"speeds measured on {machines_text}, {at_once} at work"
