"""services/tracking/figures/confusion_matrix.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from services.tracking.figures import canvas
from services.tracking.figures.confusion_matrix import confusion_matrix


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_a_confusion_matrix_is_drawn(classes: int) -> None:
    counts = np.random.default_rng(1).integers(0, 9, (classes, classes)).tolist()
    assert confusion_matrix("t000", "val", counts).startswith(b"\x89PNG")
    assert confusion_matrix("t000", "train", [[0] * classes] * classes).startswith(b"\x89PNG")


def test_rows_are_true_classes_and_the_title_counts_what_is_correct(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(canvas, "png", lambda figure: drawn.append(figure) or b"")
    confusion_matrix("t000", "val", [[9, 1], [0, 7]])
    (axes,) = drawn[0].axes
    assert drawn[0].get_suptitle() == "t000\nvalidation images: 16 of 17 correct"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert [(text.get_position(), text.get_text()) for text in axes.texts] == [
        ((0, 0), "9"),
        ((1, 0), "1"),
        ((1, 1), "7"),
    ]


def test_classes_are_shown_by_their_names_whatever_these_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    png = canvas.png
    monkeypatch.setattr(canvas, "png", lambda figure: drawn.append(figure) or png(figure))
    names = ["big cats", "$^$", "a\nb\x1b[31m", "x" * 90]
    assert confusion_matrix("t000", "val", [[1] * 4] * 4, names).startswith(b"\x89PNG")
    (axes,) = drawn[0].axes
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == [
            *("0 big cats", "1 $^$", "2 a b [31m", f"3 {'x' * 23}…"),
        ]
