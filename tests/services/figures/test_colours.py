"""services/figures/colours.py."""

from __future__ import annotations

from services.figures import colours


def test_a_scale_begins_and_ends_with_its_colours_and_mixes_between() -> None:
    scale = ((0.0, 0.0, 0.0), (100.0, 200.0, 0.0), (0.0, 0.0, 250.0))
    assert [colours.at(scale, place) for place in (-1, 0, 0.25, 0.5, 1, 2)] == [
        *(scale[0], scale[0], (50.0, 100.0, 0.0), scale[1], scale[2], scale[2])
    ]
    assert colours.hexadecimal((8, 48, 107)) == "#08306b"
