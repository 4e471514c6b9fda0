"""services/figures/svg.py."""

from __future__ import annotations

import pytest
from drawn_figures import parsed

from services.figures import svg


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, "1"), (0.126, "0.13"), (-0.5, "-0.5"), (100, "100"), (0.001, "0")]
)
def test_a_coordinate_is_short(value: float, shown: str) -> None:
    assert svg.number(value) == shown


def test_a_title_is_what_a_reader_hears() -> None:
    root = parsed(svg.document(10, 20, "one & two", []))
    assert root[0].text == "one & two"
    assert (root.get("viewBox"), root.get("role")) == ("0 0 10 20", "img")
