"""services/domain/plan/value_text.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.plan.value_text import value_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (0.001, "0.001"),
        (0.0001, "1e-4"),
        (0.00025, "2.5e-4"),
        (123456.0, "123456"),
        (1e6, "1e6"),
        (1_000_000, "1000000"),
        (-0.05, "-0.05"),
        (0.0, "0"),
        (1 / 3, "0.333333"),
        (True, "true"),
        (None, "none"),
        ("each-epoch", "each-epoch"),
        ("a, b", '"a, b"'),
        ("", '""'),
        ([16, 8], "[16, 8]"),
        ([], "[]"),
        ({"name": "adam", "lr": 0.1}, "adam"),
        ([{"name": "crop"}, 0.5], "[crop, 0.5]"),
        ({"low": 0, "high": 1.0}, "(low 0, high 1)"),
    ],
)
def test_a_value_takes_few_characters(value: Any, text: str) -> None:
    assert value_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_in_full_is_the_number(value: float) -> None:
    assert float(value_text(value, exact=True)) == value
