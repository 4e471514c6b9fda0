"""services/figures/best_curves.py."""

from __future__ import annotations

import math

from drawn_figures import all_of, parsed, texts
from hypothesis import given
from hypothesis import strategies as st

from services.figures.best_curves import best_curves


def test_curves_are_lines_of_text_and_numbers() -> None:
    curves = {"t007 nesterov, lr 0.1": [(1, 0.5), (2, math.nan), (3, 0.7)], "t001 adam": [(1, 0.4)]}
    drawn = best_curves("val/acc", curves)
    assert drawn.startswith("<svg")
    assert {"t007 nesterov, lr 0.1", "t001 adam", "val/acc", "epoch"} <= set(texts(parsed(drawn)))
    assert drawn == best_curves("val/acc", curves)  # no date and no random ids


@given(st.dictionaries(st.text(st.characters(exclude_categories=[])), st.just([(1, 0.5)]), max_size=9))
def test_a_trial_may_have_any_label(curves: dict[str, list[tuple[int, float]]]) -> None:
    assert len(all_of(parsed(best_curves("val/acc", curves)), "circle")) == len(curves)
