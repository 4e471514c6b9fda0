"""Times and numbers that JSON has no type for."""

from __future__ import annotations

import math

import pytest
from pydantic import BaseModel

from services.api.views.values import Time, finite, rfc3339


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_769_860_800_007, "2026-01-31T12:00:00.007Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_is_utc_to_the_millisecond(ms: int, text: str) -> None:
    class View(BaseModel):
        at: Time

    assert rfc3339(ms) == text
    assert View(at=ms).model_dump(mode="json") == {"at": text}


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_null(value: float | None) -> None:
    assert finite(value) is None
    assert finite(-1.5) == -1.5
