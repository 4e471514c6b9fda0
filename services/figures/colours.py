"""Colours of figures: scales for shares and for weights, and lines that differ."""

from __future__ import annotations

from collections.abc import Sequence

Colour = tuple[float, float, float]  # red, green, blue; 0 … 255

SHARES: tuple[Colour, ...] = ((255, 255, 255), (158, 202, 225), (66, 146, 198), (8, 48, 107))
WEIGHTS: tuple[Colour, ...] = ((5, 48, 97), (67, 147, 195), (255, 255, 255), (214, 96, 77), (103, 0, 31))
# Source: M. Okabe, K. Ito, Color Universal Design, 2008; yellow is left out, which is faint on white.
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#7f7f7f")


def at(scale: Sequence[Colour], place: float) -> Colour:
    """The colour at a place of a scale, 0 … 1; between its colours they are mixed."""
    reached = min(1.0, max(0.0, place)) * (len(scale) - 1)
    low = min(int(reached), len(scale) - 2)
    share = reached - low
    red, green, blue = (a + share * (b - a) for a, b in zip(scale[low], scale[low + 1], strict=True))
    return red, green, blue


def hexadecimal(colour: Colour) -> str:
    """A colour as SVG has it: `#08306b`."""
    return "#" + "".join(f"{round(part):02x}" for part in colour)
