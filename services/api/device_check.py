"""What a plan asks of devices: refused at submit where those that are alive cannot do it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from services.domain.errors import Problem, SpecError, pointer
from services.domain.plan.plan import Plan
from services.domain.plan.shape import Shape
from services.host import EVERYWHERE
from services.precisions import NEEDS

FIELD = "train.precision"


def check_devices(plan: Plan, offered: Mapping[str, Collection[str]]) -> None:
    """Raise `SpecError` for a precision that no live device has; `offered` are those of each kind.

    With no worker alive nothing is refused: a device may come that has it.
    """
    alive = {name for names in offered.values() for name in names}
    lacking = [shape for shape in plan.shapes if offered and shape.precision not in alive]
    if lacking:
        found = {_place(plan, shape): shape.precision for shape in lacking}
        raise SpecError([Problem(place, _words(precision, alive)) for place, precision in found.items()])


def _place(plan: Plan, shape: Shape) -> str:
    """Where the spec names a shape's precision."""
    for axis in plan.axes:
        if axis.path == FIELD:
            return pointer("space", axis.name, int(shape.coordinates[FIELD]))
    return pointer(*FIELD.split("."))


def _words(precision: str, alive: Collection[str]) -> str:
    known = ", ".join(name for name in (*EVERYWHERE, *NEEDS) if name in alive)
    here = f"must be one of {known} on the devices that are alive"
    return f"{here}, got {precision!r}, which needs {NEEDS[precision]}"
