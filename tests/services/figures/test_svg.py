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


def test_many_dots_are_one_path_of_round_ends() -> None:
    [drawn] = parsed(
        svg.document(9, 9, "dots", [svg.dots([(1, 2), (3.5, 4)], fill="#000", size=3, opacity=0.5)])
    )[2:]
    assert drawn.attrib["d"] == "M1 2h0M3.5 4h0"
    assert (drawn.get("stroke-linecap"), drawn.get("stroke-width"), drawn.get("stroke-opacity")) == (
        "round", "3", "0.5",
    )  # fmt: skip
    assert svg.dots([], fill="#000", size=3) == ""


def test_text_can_be_bold_and_parted_from_what_is_behind_it() -> None:
    [drawn] = parsed(svg.document(9, 9, "text", [svg.text(1, 2, "a < b", bold=True, halo=True)]))[2:]
    assert (drawn.text, drawn.get("font-weight"), drawn.get("paint-order")) == ("a < b", "600", "stroke")
    assert svg.text(1, 2, "plain").count('"') == 6
