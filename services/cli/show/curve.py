"""A curve drawn in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float]) -> str:
    """Draw values as bars, scaled from the smallest to the largest; a dot where a value is not finite."""
    finite = [value for value in values if math.isfinite(value)]
    low, span = min(finite, default=0.0), (max(finite, default=0.0) - min(finite, default=0.0)) or 1.0
    return "".join(
        BARS[round((v - low) / span * (len(BARS) - 1))] if math.isfinite(v) else "·" for v in values
    )
