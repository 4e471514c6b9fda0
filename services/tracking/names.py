"""Names of runs and their params: the axes as the user named them, the values as labels show them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.plan.plan import Plan

POINT_TAG = "trial.point"  # the tag that replicates share
MAX_RUN_NAME_CHARS = 200  # the server's database has room for 250
LOG_SCALE_RATIO = 10  # an axis whose values span at least this factor is read on a logarithmic scale


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten a nested config to dotted paths and texts; a list stays one text, as JSON."""
    flat: dict[str, str] = {}
    for key, value in config.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{path}.")
        else:
            flat[path] = text(value)
    return flat


def text(value: Any) -> str:
    """Write a value as text: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def numbered(class_names: Sequence[str]) -> str:
    """List the names of classes with their numbers: `0 cats, 1 dogs`."""
    return ", ".join(f"{number} {name}" for number, name in enumerate(class_names))


def param(value: Any, axis: Axis, label: str) -> str:
    """Write an axis's value as a param: an object by its label, anything else as the user wrote it."""
    own = as_written(value, axis)
    return label if isinstance(value, Mapping) and not _is_number(own) else text(own)


def as_written(value: Any, axis: Axis) -> Any:
    """Return what the user wrote for a completed value; for a range, the value itself."""
    if isinstance(axis, RangeAxis):
        return value
    return axis.written[axis.values.index(value)]


def log10(own: Any, axis: Axis) -> str | None:
    """Return the logarithm of a value on a logarithmic axis; MLflow's charts have linear axes only."""
    return f"{math.log10(own):.6g}" if logarithmic(axis) and own > 0 else None


def log10_param(short: str) -> str:
    """The param that holds the logarithm of an axis: `log10 lr`."""
    return f"log10 {short}"


def logarithmic(axis: Axis) -> bool:
    """Whether an axis has a logarithmic scale: a range declares it, the values of a list span decades."""
    if isinstance(axis, RangeAxis):
        return axis.log
    numbers = [value for value in _choices(axis) if _is_number(value)]
    positive = [value for value in numbers if value > 0]
    if len(numbers) < len(axis.values) or min(numbers) < 0 or not positive:
        return False
    return bool(max(positive) >= LOG_SCALE_RATIO * min(positive))


def numeric(axis: Axis) -> bool:
    """Whether every value of an axis is a number."""
    return axis.values is None or all(_is_number(value) for value in _choices(axis))


def has_zero(axis: Axis) -> bool:
    """Whether an axis has the value 0, which has no logarithm."""
    return any(not value for value in _choices(axis))


def run(number: int, replicate: int, values: Mapping[str, Any], plan: Plan) -> str:
    """Name a trial's run: `t007 s1 nesterov, lr 0.1`, where s1 is one of several replicates.

    With folds it has the fold besides: `t007 s6 fold 1 nesterov, lr 0.1`.
    """
    seed = f" s{replicate}" if plan.replicates > 1 else ""
    fold = plan.repeats.named_fold(replicate)
    seed += "" if fold is None else f" fold {fold}"
    return _cut(f"t{number:03d}{seed} {plan.labels.label(values)}")


def point(number: int, values: Mapping[str, Any], plan: Plan) -> str:
    """Name the group of a point's trials: `p7 nesterov, lr 0.1`."""
    return _cut(f"p{number} {plan.labels.label(values)}")


def _cut(name: str) -> str:
    return name if len(name) <= MAX_RUN_NAME_CHARS else f"{name[: MAX_RUN_NAME_CHARS - 1]}…"


def _choices(axis: Axis) -> Sequence[Any]:
    """The values of an axis that lists them, as the user wrote them."""
    return axis.written if isinstance(axis, ListedAxis) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
