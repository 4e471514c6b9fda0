"""Metrics as JSON."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from services.domain.json_numbers import decode, encode


@given(st.dictionaries(st.text(), st.floats()))
def test_any_number_survives_json_that_has_no_nan(metrics: dict[str, float]) -> None:
    again = decode(json.loads(json.dumps(encode(metrics), allow_nan=False)))
    assert again.keys() == metrics.keys()
    for name, value in metrics.items():
        assert again[name] == value or (math.isnan(value) and math.isnan(again[name]))
