"""services/figures/confusion_matrix.py."""

from __future__ import annotations

import random

import pytest
from drawn_figures import all_of, parsed, texts
from hypothesis import example, given
from hypothesis import strategies as st

from services import escaping
from services.figures import svg
from services.figures.confusion_matrix import MAX_NAME_CHARS, SHADES, confusion_matrix


@pytest.mark.parametrize("classes", [1, 2, 10, 20, 21, 100])
def test_a_confusion_matrix_is_drawn_and_stays_small(classes: int) -> None:
    draw = random.Random(1)
    counts = [[draw.randrange(9) for _ in range(classes)] for _ in range(classes)]
    drawn = confusion_matrix("t000", "val", counts)
    cells = [path for path in all_of(parsed(drawn), "path") if path.get("d", "").endswith("z")]
    assert sum(path.get("d", "").count("M") for path in cells) == sum(
        count > 0 for row in counts for count in row
    )
    assert len(cells) <= SHADES
    assert len(drawn) < 200_000
    parsed(confusion_matrix("t000", "train", [[0] * classes] * classes))


def test_rows_are_true_classes_and_the_title_counts_what_is_correct() -> None:
    found = texts(parsed(confusion_matrix("t000", "val", [[9, 1], [0, 7]])))
    assert found[:2] == ["t000", "validation images: 16 of 17 correct"]
    assert found[2:5] == ["9", "1", "7"]  # row by row, without zeros
    assert found[5:] == ["0", "0", "1", "1", "predicted class", "true class"]


def test_errors_are_seen_beside_a_diagonal_of_nearly_all() -> None:
    rare, right = all_of(parsed(confusion_matrix("t", "val", [[95, 5], [0, 100]])), "path")
    assert (rare.get("d"), right.get("d")) == ("M1 0h1v1h-1z", "M0 0h1v1h-1zM1 1h1v1h-1z")
    assert right.get("fill") == "#08306b"
    assert rare.get("fill") != "#ffffff"


@given(st.lists(st.text(st.characters(exclude_categories=[])), min_size=2, max_size=4), st.text())
@example(["<script>alert(1)</script>", "]]>&<!--", "a\nb\x1b[31m\ud800\ufffe", "x" * 90], "</svg>\x00")
def test_classes_and_titles_are_shown_whatever_they_hold(names: list[str], title: str) -> None:
    counts = [[1] * len(names)] * len(names)
    found = texts(parsed(confusion_matrix(title, "val", counts, names)))
    assert found[0].split() == escaping.terminal(title).split()[: len(found[0].split())]
    labels = [each for each in found if each[:1].isdigit() and each[1:2] == " "]
    for number, name in enumerate(names):
        plain = "".join(char if char.isprintable() else " " for char in name)
        shown = plain if len(plain) <= MAX_NAME_CHARS else f"{plain[: MAX_NAME_CHARS - 1]}…"
        assert labels.count(f"{number} {shown}") >= 2


def test_a_count_is_white_on_a_dark_cell_and_dark_on_a_light_one() -> None:
    counts = [[94, 5, 1], [0, 100, 0], [0, 0, 100]]
    drawn = all_of(parsed(confusion_matrix("t", "val", counts)), "text")
    fills = {each.text: each.get("fill") for each in drawn if each.text in ("94", "5", "1")}
    assert fills == {"94": "#fff", "5": "#fff", "1": svg.INK}
