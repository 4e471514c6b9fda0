"""Cursors come back as they were handed out, and nothing else is taken for one."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api import cursor
from services.domain.errors import ParameterError


@given(
    st.integers(-(2**63), 2**63 - 1), st.text("abc-0", max_size=40), st.none() | st.floats(allow_nan=False)
)
def test_what_was_written_is_read(number: int, text: str, value: float | None) -> None:
    written = cursor.write("sweeps", number, text, value)
    assert cursor.read("sweeps", written, int, str, (float, type(None))) == [number, text, value]


@given(st.text(max_size=60))
def test_no_text_but_a_cursor_is_taken(text: str) -> None:
    with pytest.raises(ParameterError, match="`next` of the previous page"):
        cursor.read("sweeps", text, int)


@pytest.mark.parametrize(
    "keys", [["trials", 1], ["sweeps"], ["sweeps", True], ["sweeps", 2**70], ["sweeps", "a"], {}, 1, [[]]]
)
def test_a_cursor_of_another_list_is_refused(keys: object) -> None:
    text = base64.urlsafe_b64encode(json.dumps(keys).encode()).decode()
    with pytest.raises(ParameterError):
        cursor.read("sweeps", text, int)
