"""Values that JSON has no type for: times, and numbers that are not finite."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

from pydantic import PlainSerializer

MAX_TIMES_KEPT = 4096


@lru_cache(maxsize=MAX_TIMES_KEPT)  # the trials of a pack share most of theirs
def rfc3339(ms: int) -> str:
    """Milliseconds since 1970 as text: 2026-01-31T12:00:00.000Z."""
    text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def finite(value: float | None) -> float | None:
    """The value, or None where JSON has no number for it."""
    return value if value is not None and math.isfinite(value) else None


Time = Annotated[int, PlainSerializer(rfc3339, return_type=str)]
