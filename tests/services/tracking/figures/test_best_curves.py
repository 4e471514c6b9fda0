"""services/tracking/figures/best_curves.py."""

from __future__ import annotations

import math

from services.tracking.figures.best_curves import best_curves


def test_curves_are_lines_of_text_and_numbers() -> None:
    curves = {"t007 nesterov, lr 0.1": [(1, 0.5), (2, math.nan), (3, 0.7)], "t001 adam": [(1, 0.4)]}
    drawn = best_curves("val/acc", curves)
    assert drawn.startswith("<svg")
    for text in ("t007 nesterov, lr 0.1", "t001 adam", "val/acc", "epoch"):
        assert f">{text}</text>" in drawn
    assert drawn == best_curves("val/acc", curves)  # no date and no random ids
