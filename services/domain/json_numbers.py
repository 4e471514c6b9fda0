"""Metrics as JSON: finite numbers stay numbers, the others have names, because SQL and JSON have none."""

from __future__ import annotations

import math
from collections.abc import Mapping

Metrics = dict[str, float]
Encoded = dict[str, float | str]


def encode(metrics: Mapping[str, float]) -> Encoded:
    """Write NaN and the infinities as "nan", "inf", "-inf"."""
    return {name: value if math.isfinite(value) else str(float(value)) for name, value in metrics.items()}


def decode(encoded: Mapping[str, float | str]) -> Metrics:
    """The inverse of `encode`."""
    return {name: float(value) for name, value in encoded.items()}
