"""What runs call a sweep's axes and values: the user's own names, flat and short enough for a column."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.plan.plan import Plan
from services.domain.plan.trial_names import short_name, short_value

SPAN = 10  # an axis whose largest value is so many times its smallest is read on a logarithmic scale


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A nested config as dotted paths and texts; a list stays one text, as JSON."""
    flat: dict[str, str] = {}
    for key, value in config.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{path}.")
        else:
            flat[path] = text(value)
    return flat


def text(value: Any) -> str:
    """A value as one text: a string as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def own_words(value: Any, axis: Axis) -> Any:
    """The value as the user wrote it, of which `value` is the completed form; of a range the value itself."""
    if isinstance(axis, RangeAxis):
        return value
    return axis.written[axis.values.index(value)]


def choice(own: Any, axis: Axis) -> str:
    """A choice as a param: an object goes by its name where no other choice has the same."""
    if isinstance(own, Mapping) and "name" in own:
        return str(own["name"]) if _alike(own, axis) == 1 else text(own)
    return text(own)


def log10(own: Any, axis: Axis) -> str | None:
    """The logarithm of a value on an axis with a logarithmic scale; MLflow's charts have linear axes only."""
    return f"{math.log10(own):.6g}" if logarithmic(axis) and own > 0 else None


def logarithmic(axis: Axis) -> bool:
    """Whether an axis is read on a logarithmic scale: a range says so, values do by spanning decades."""
    if isinstance(axis, RangeAxis):
        return axis.log
    numbers = [value for value in _choices(axis) if _is_number(value)]
    positive = [value for value in numbers if value > 0]
    if len(numbers) < len(axis.values) or min(numbers) < 0 or not positive:
        return False
    return bool(max(positive) >= SPAN * min(positive))


def numeric(axis: Axis) -> bool:
    """Whether every value of an axis is a number."""
    return axis.values is None or all(_is_number(value) for value in _choices(axis))


def has_zero(axis: Axis) -> bool:
    """Whether a value of an axis has no logarithm."""
    return any(not value for value in _choices(axis))


def swept(values: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """The values that tell points apart: not those of an axis that has a single one."""
    fixed = {axis.path for axis in plan.axes if axis.size == 1}
    return {path: value for path, value in values.items() if path not in fixed} or dict(values)


def group(point: int, plan: Plan) -> str:
    """What a point's trials are called together, in words of their runs' names: `p7 dro .25 adam`."""
    _, *words = short_name(0, swept(plan.values(point), plan)).split(" ")
    return " ".join([f"p{point}", *words])


def point(values: Mapping[str, Any], plan: Plan) -> str:
    """A point in words: runs of one such text are replicates of one another, and no other point has it."""
    by_path = {axis.path: axis for axis in plan.axes}
    parts = []
    for path, value in swept(values, plan).items():
        axis = by_path.get(path)
        shown = short_value(value)
        if isinstance(value, Mapping) and axis and _alike(own_words(value, axis), axis) > 1:
            shown = f"{shown}({', '.join(f'{k}={short_value(v)}' for k, v in value.items() if k != 'name')})"
        parts.append(f"{path.rsplit('.', 1)[-1]}={shown}")
    return " ".join(parts) or "the only point"


def _choices(axis: Axis) -> Sequence[Any]:
    """The values of an axis that lists them, as the user wrote them."""
    return axis.written if isinstance(axis, ListedAxis) else []


def _alike(own: Any, axis: Axis) -> int:
    """How many choices of an axis look the same in short."""
    return sum(short_value(other) == short_value(own) for other in _choices(axis))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
