"""services/figures/best_history.py: the best value so far over trials and over epochs."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import pytest
from drawn_figures import all_of, parsed, texts

from services.figures.best_history import MAX_DOTS, best_history, each_dot

Ended = Sequence[tuple[int, float | None]]


def drawn(ended: Ended, larger: bool = True) -> str:
    return best_history(["title", "counts"], ended, metric="val/acc", larger_is_better=larger)


def steps(document: str) -> list[list[tuple[str, float]]]:
    found = [each.attrib["d"] for each in all_of(parsed(document), "path") if each.get("stroke-width") == "2"]
    return [[(kind, float(at)) for kind, at in re.findall(r"([HV])([\d.]+)", d)] for d in found]


@pytest.mark.parametrize("larger", [True, False])
def test_the_line_never_gets_worse_and_steps_where_a_trial_is_better(larger: bool) -> None:
    sign = 1 if larger else -1
    document = drawn([(2, sign * 0.5), (4, sign * 0.7), (2, None), (6, sign * 0.9), (6, sign * 0.6)], larger)
    for panel, counts in zip(steps(document), ([1, 2, 4, 5], [2, 6, 14, 20]), strict=True):
        across = [at for kind, at in panel if kind == "H"]
        assert len(across) == 3
        shares = [(at - across[0]) / (across[-1] - across[0]) for at in across]
        assert shares == pytest.approx(
            [(c - counts[1]) / (counts[-1] - counts[1]) for c in counts[1:]], abs=1e-4
        )
        heights = [at for kind, at in panel if kind == "V"]
        assert heights == sorted(heights, reverse=larger)
        assert heights[0] != heights[1] == heights[2]
    shown = texts(parsed(document))
    assert {"title", "counts", "trials ended", "epochs trained", "val/acc"} <= set(shown)


def test_a_trial_without_a_value_has_no_dot_and_counts_on_the_axes() -> None:
    document = drawn([(1, None), (3, 0.5), (3, 0.6)])
    dots = [each.attrib["d"] for each in all_of(parsed(document), "path") if each.get("stroke-linecap")]
    assert [d.count("h0") for d in dots] == [2, 2]
    assert all(len(panel) == 2 for panel in steps(document))
    assert all(each == [] for each in steps(drawn([(3, 0.5)])))  # where it begins, it ends


@pytest.mark.parametrize("count", [1, 12, 1000])
def test_it_is_small_at_any_number_of_trials(count: int) -> None:
    chance = random.Random(count)
    document = drawn([(chance.randrange(1, 9), chance.random()) for _ in range(count)])
    parsed(document)
    assert len(document) < 4000 + 75 * count


def test_of_many_trials_some_have_dots_and_the_line_is_that_of_all() -> None:
    """The best trial is one without a dot: every third has one, from the first on."""
    count = 2 * MAX_DOTS + 1
    values: list[tuple[int, float | None]] = [(1, 0.5 + number % 7 / 100) for number in range(count)]
    values[1000] = (1, 0.9)
    document = drawn(values)
    assert each_dot(count) == 3
    dots = [each.attrib["d"] for each in all_of(parsed(document), "path") if each.get("stroke-linecap")]
    assert [d.count("h0") for d in dots] == [len(range(0, count, 3))] * 2
    for panel in steps(document):
        heights = [at for kind, at in panel if kind == "V"]
        assert len(heights) == 8  # six steps up to 0.56, one to 0.9, and the end
        assert heights[-1] == heights[-2] < heights[-3]
    assert (each_dot(0), each_dot(1), each_dot(MAX_DOTS)) == (1, 1, 1)


def test_one_value_far_off_is_not_drawn() -> None:
    values: list[tuple[int, float | None]] = [(1, 0.8 + number / 1000) for number in range(40)]
    document = drawn([(1, -1e6), *values])
    dots = [each.attrib["d"] for each in all_of(parsed(document), "path") if each.get("stroke-linecap")]
    assert [d.count("h0") for d in dots] == [40, 40]
    assert not any(text.startswith("-") for text in texts(parsed(document)))
