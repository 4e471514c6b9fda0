"""services/figures/parallel_coordinates.py: the best on top, the rest faint, at any number of points."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element

import pytest
from drawn_figures import all_of, parsed, texts

from services.figures.axis_places import AxisPlaces
from services.figures.parallel_coordinates import BEST, GOOD, MAX_AXES, OTHERS, parallel_coordinates


def ranged(name: str, at: Sequence[float | None]) -> AxisPlaces:
    return AxisPlaces(name, name, at, [(0.0, "0"), (1.0, "1")], None)


def drawn(axes: Sequence[AxisPlaces], results: Sequence[float], larger: bool = True) -> Element:
    return parsed(parallel_coordinates(["title"], axes, results, metric="val/acc", larger_is_better=larger))


def lines(root: Element) -> list[Element]:
    return [each for each in all_of(root, "path") if each.get("stroke") in (BEST, GOOD, OTHERS)]


def heights(line: Element) -> list[float]:
    return [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", line.attrib["d"])]


@pytest.mark.parametrize(("count", "good"), [(1, 0), (2, 1), (12, 2), (150, 14), (500, 19)])
def test_the_best_is_drawn_last_and_the_many_are_faint(count: int, good: int) -> None:
    chance = random.Random(count)
    results = [chance.random() for _ in range(count)]
    found = lines(drawn([ranged("a", results), ranged("b", [chance.random() for _ in results])], results))
    strokes = [each.get("stroke") for each in found]
    assert strokes == [OTHERS] * (count - 1 - good) + [GOOD] * good + [BEST]
    # On the first axis a point's place is its result: lines rise from the worst to the best.
    firsts = [heights(each)[0] for each in found]
    assert firsts == sorted(firsts, reverse=True)
    if count == 500:
        assert float(found[0].attrib["stroke-opacity"]) == 0.08
        assert float(found[-1].attrib["stroke-width"]) > 3 * float(found[0].attrib["stroke-width"])


def test_of_many_points_the_best_and_some_others_at_equal_distances_have_lines() -> None:
    results = [number / 3000 for number in range(3000)]
    root = drawn([ranged("a", results)], results)
    found = lines(root)
    assert [each.get("stroke") for each in found] == [OTHERS] * 497 + [GOOD] * 19 + [BEST]
    # 2,980 others: every sixth from the worst on.
    firsts = [heights(each)[0] for each in found]
    assert firsts[:3] == pytest.approx([400 - 300 * results[place] for place in (0, 6, 12)], abs=0.01)
    assert firsts[-20:] == pytest.approx([400 - 300 * each for each in results[-20:]], abs=0.01)
    words = "thick orange: the best point; blue: the next 19; grey: 497 of 2,980 others, evenly by rank"
    assert words in texts(root)


def test_a_smaller_result_can_be_better() -> None:
    best = lines(drawn([ranged("a", [0.0, 1.0])], [3.0, 1.0], larger=False))[-1]
    assert heights(best)[0] < heights(best)[1]


def test_lines_are_spread_around_a_category_and_pass_below_an_axis_without_a_value() -> None:
    listed = AxisPlaces("c", "c", [0.25, 0.25, 0.25, None], [(0.25, "adam"), (0.75, "sgd")], 2)
    root = drawn([listed, ranged("a", [0.5] * 4)], [0.9, 0.8, 0.7, 0.6])
    firsts = [heights(each)[0] for each in lines(root)]
    assert firsts[0] > 400  # the worst point has none
    assert firsts[1:] == sorted(firsts[1:], reverse=True)
    assert len(set(firsts)) == 4
    assert {"adam", "sgd", "none"} <= set(texts(root))
    assert "none" not in texts(drawn([ranged("a", [0.5])], [0.9]))


def test_long_names_and_many_axes_are_cut() -> None:
    many = [ranged(f"{'<name> ' * 9}{number}", [0.5, 0.6]) for number in range(MAX_AXES + 4)]
    root = drawn(many, [0.1, 0.2])
    assert "thick orange: the best point; blue: the next 1; 4 axes are not drawn" in texts(root)
    assert sum(text.startswith("<name>") for text in texts(root)) == MAX_AXES
    assert all(len(text) <= 17 for text in texts(root)[2:])


def test_a_result_far_off_does_not_press_the_others_together() -> None:
    results = [0.8 + number / 1000 for number in range(40)] + [-50.0]
    found = lines(drawn([ranged("a", [0.5] * 41)], results))
    ends = [heights(each)[-1] for each in found]
    assert max(ends[1:]) - min(ends[1:]) > 200
    assert ends[0] == 400  # at the end of the axis
