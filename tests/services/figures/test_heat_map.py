"""services/figures/heat_map.py: cells, their colours and texts, and what stands beside them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from drawn_figures import all_of, parsed, texts

from services.figures.axis_places import AxisPlaces
from services.figures.heat_map import EMPTY, heat_map

DARKEST = "#08306b"


def listed(at: Sequence[float | None], names: Sequence[str]) -> AxisPlaces:
    ticks = [((place + 0.5) / len(names), name) for place, name in enumerate(names)]
    return AxisPlaces("path", "listed axis", at, ticks, len(names))


def ranged(at: Sequence[float | None]) -> AxisPlaces:
    return AxisPlaces("path", "range", at, [(0.0, "0.001"), (0.5, "0.01"), (1.0, "0.1")], None)


def drawn(x: AxisPlaces, y: AxisPlaces, results: Sequence[float], larger: bool = True) -> str:
    return heat_map(["title", "2 left out"], x, y, results, metric="val/acc", larger_is_better=larger)


def cells(document: str) -> dict[tuple[float, float], str]:
    """The fills of cells by place; the document's ground, that of the cells and the key are left out."""
    found = {}
    for each in all_of(parsed(document), "rect"):
        if "x" in each.attrib and each.get("fill") != EMPTY and each.get("width") != "16":
            found[float(each.attrib["x"]), float(each.attrib["y"])] = each.attrib["fill"]
    return found


def test_a_cell_is_the_mean_of_its_points_and_the_best_is_darkest() -> None:
    x, y = listed([0.25, 0.25, 0.75, 0.75], ["relu", "tanh"]), listed([0.25, 0.25, 0.25, 0.75], ["a", "b"])
    for larger, best in ((True, 1), (False, 0)):
        document = drawn(x, y, [0.8, 0.9, 0.95, 0.7], larger)
        found = dict(sorted(cells(document).items()))  # (0, 0), then (1, 0), then (1, 1)
        assert len(found) == 3
        assert list(found.values()).index(DARKEST) == {1: 1, 0: 2}[best]
        shown = texts(parsed(document))
        assert {
            "title",
            "2 left out",
            "0.85",
            "n 2",
            "0.95",
            "0.70",
            "n 1",
            "relu",
            "b",
            "listed axis",
        } <= set(shown)


def test_a_range_rises_upwards_and_no_value_has_a_row_of_its_own() -> None:
    x, y = listed([0.5] * 3, ["only"]), ranged([0.0, 1.0, None])
    places = sorted(cells(drawn(x, y, [0.1, 0.9, 0.5])).items())
    assert [fill == DARKEST for _, fill in places] == [True, False, False]  # the highest place is above
    heights = [y for (_, y), _ in places]
    assert heights[2] > heights[1]
    assert heights[2] - heights[1] > min(64, 420 / 4)  # a gap parts it from the range
    assert "none" in texts(parsed(drawn(x, y, [0.1, 0.9, 0.5])))


@pytest.mark.parametrize("count", [12, 150, 1000])
def test_it_stays_readable_for_any_number_of_points(count: int) -> None:
    chance = random.Random(count)
    places = [chance.random() for _ in range(count)]
    values = [chance.random() for _ in range(count)]
    document = drawn(ranged(places), ranged(values), values)
    bins = {12: 3, 150: 6, 1000: 10}[count]
    assert len(cells(document)) <= bins * bins
    assert len(texts(parsed(document))) <= 2 * bins * bins + 14
    assert len(document) < 40_000


def test_points_are_looked_through_once_for_those_without_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for each cell: of thousands of points with a cell each that would take seconds."""
    asked: list[int] = []
    inactive = AxisPlaces.inactive.fget  # type: ignore[attr-defined]
    monkeypatch.setattr(AxisPlaces, "inactive", property(lambda axis: asked.append(1) or inactive(axis)))
    at = [(number + 0.5) / 20 for number in range(20)]
    drawn(listed(at, [str(number) for number in range(20)]), ranged(at), at)
    assert len(asked) == 4


def test_many_long_names_are_cut_and_turned_and_small_cells_have_no_text() -> None:
    names = [f"{number} {'a<very long> name' * 3}" for number in range(40)]
    at = [(number + 0.5) / 40 for number in range(40)]
    document = drawn(listed(at, names), listed(at, names), [float(number) for number in range(40)])
    shown = texts(parsed(document))
    assert all(len(text) <= 22 for text in shown)
    assert sum("a<very" in text for text in shown) == 40  # every second one on both sides
    assert not any(text.startswith("n ") for text in shown)
    assert sum("rotate" in text.get("transform", "") for text in all_of(parsed(document), "text")) == 21


def test_equal_results_have_a_colour_too() -> None:
    assert len(cells(drawn(listed([0.25, 0.75], ["a", "b"]), listed([0.5, 0.5], ["c"]), [0.5, 0.5]))) == 2
