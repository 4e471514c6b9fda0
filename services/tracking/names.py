"""What runs call a sweep's axes and values: the user's own names, flat and short enough for a column."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from services.domain.plan import Axis
from services.domain.trial import short_value

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


def written(axis: Axis, space: Mapping[str, Any]) -> str:
    """The name that the user wrote for an axis: its path or the end of it."""
    return axis.path if axis.path in space else next(name for name in space if axis.path.endswith(f".{name}"))


def own_words(value: Any, axis: Axis, given: Sequence[Any]) -> Any:
    """The choice as the user wrote it, of which `value` is the completed form."""
    return given[axis.values.index(value)]


def choice(own: Any, given: Sequence[Any]) -> str:
    """A choice as a param: an object goes by its name where no other choice has the same."""
    if isinstance(own, Mapping) and "name" in own:
        alike = [other for other in given if short_value(other) == own["name"]]
        return str(own["name"]) if len(alike) == 1 else text(own)
    return text(own)


def log10(own: Any, given: Sequence[Any]) -> str | None:
    """The logarithm of a choice on an axis that spans decades; MLflow's charts have linear axes only."""
    numbers = [v for v in given if isinstance(v, int | float) and not isinstance(v, bool)]
    positive = [v for v in numbers if v > 0]
    if len(numbers) < len(given) or min(numbers) < 0 or not positive:
        return None
    if max(positive) < SPAN * min(positive):
        return None
    return f"{math.log10(own):.6g}" if own > 0 else None


def without_seed(values: Mapping[str, Any]) -> str:
    """The swept values but for seeds: runs of one such text are replicates of one another."""
    return " ".join(
        f"{path.rsplit('.', 1)[-1]}={short_value(value)}"
        for path, value in values.items()
        if path.rsplit(".", 1)[-1] != "seed"
    )
