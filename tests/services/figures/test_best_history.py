"""services/figures/best_history.py: the best value so far over trials and over epochs."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import pytest
from drawn_figures import all_of, parsed, texts

from services.figures.best_history import best_history

Ended = Sequence[tuple[int, float | None]]


def drawn(ended: Ended, larger: bool = True) -> str:
    return best_history(["title", "counts"], ended, metric="val/acc", larger_is_better=larger)


def steps(document: str) -> list[list[tuple[str, float]]]:
    found = [each.attrib["d"] for each in all_of(parsed(document), "path") if each.get("stroke-width") == "2"]
    return [[(kind, float(at)) for kind, at in re.findall(r"([HV])([\d.]+)", d)] for d in found]


@pytest.mark.parametrize("larger", [True, False])
def test_the_line_never_gets_worse_and_steps_at_each_trial(larger: bool) -> None:
    sign = 1 if larger else -1
    document = drawn([(2, sign * 0.5), (4, sign * 0.7), (2, None), (6, sign * 0.6), (6, sign * 0.9)], larger)
    for panel, counts in zip(steps(document), ([2, 3, 4, 5], [6, 8, 14, 20]), strict=True):
        across = [at for kind, at in panel if kind == "H"]
        shares = [(at - across[0]) / (across[-1] - across[0]) for at in across]
        assert shares == pytest.approx([(c - counts[0]) / (counts[-1] - counts[0]) for c in counts], abs=1e-4)
        heights = [at for kind, at in panel if kind == "V"]
        assert heights == sorted(heights, reverse=larger)
        assert heights[0] == heights[1] == heights[2] != heights[3]
    shown = texts(parsed(document))
    assert {"title", "counts", "trials ended", "epochs trained", "val/acc"} <= set(shown)


def test_a_trial_without_a_value_has_no_dot_and_counts_on_the_axes() -> None:
    document = drawn([(1, None), (3, 0.5), (3, 0.6)])
    dots = [each.attrib["d"] for each in all_of(parsed(document), "path") if each.get("stroke-linecap")]
    assert [d.count("h0") for d in dots] == [2, 2]
    assert all(len(panel) == 2 for panel in steps(document))


@pytest.mark.parametrize("count", [1, 12, 1000])
def test_it_is_small_at_any_number_of_trials(count: int) -> None:
    chance = random.Random(count)
    document = drawn([(chance.randrange(1, 9), chance.random()) for _ in range(count)])
    parsed(document)
    assert len(document) < 4000 + 75 * count


def test_one_value_far_off_is_not_drawn() -> None:
    values: list[tuple[int, float | None]] = [(1, 0.8 + number / 1000) for number in range(40)]
    document = drawn([(1, -1e6), *values])
    dots = [each.attrib["d"] for each in all_of(parsed(document), "path") if each.get("stroke-linecap")]
    assert [d.count("h0") for d in dots] == [40, 40]
    assert not any(text.startswith("-") for text in texts(parsed(document)))
