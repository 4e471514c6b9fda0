"""The page and the plot, made from made-up records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from made_up_curves import made_up

from benchmarks.rivals import records
from benchmarks.search_study import page, regret_plot, replays, wall
from benchmarks.search_study.__main__ import PAGE, PLOT
from benchmarks.search_study.recorded_curves import SPACES, read_all
from benchmarks.search_study.replayed_sweep import Replayed
from benchmarks.search_study.replays import SpaceReplays
from benchmarks.search_study.summary import summarize

SVG = "{http://www.w3.org/2000/svg}"
METHODS = {
    "grid": [Replayed(81, 8), Replayed(81, 8)],
    "halving-3": [Replayed(20, 8), Replayed(20, 8)],
    "tpe-20": [Replayed(40, 8), Replayed(40, 6)],
    "ray-asha-3": [Replayed(30, 7), Replayed(30, 7)],
}
REPLAYED = {"grid81": SpaceReplays("2026-01-03", "digest", {"Ray": "2.0"}, METHODS)}
CURVES = {"grid81": made_up()}
SETTING = {"machine": "2 cores of paper", "date": "2026-01-04", "load": "load 0.1 at the start"}


def run(method: str, number: int, seconds: float) -> dict[str, Any]:
    return {"method": method, "round": number, "seconds": seconds, "epochs": 81, "best": 0.5, **SETTING}


def rows(text: str, first: str) -> list[list[str]]:
    lines = [line for line in text.split("\n") if line.startswith(f"| {first}")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_says_whether_the_goal_is_met_and_by_what() -> None:
    text = page.page(CURVES, REPLAYED, [])
    assert "epochs: met by halving, eta 3 (24.7 % of the epochs, 2 of 2)." in text
    assert "chooses an equal point in 2 of 2 repeats, with a regret of 0.00 (0.00 to 0.00)" in text
    assert "At least as often: halving, eta 3 (24.7 % of the epochs, 2 of 2)." in text
    assert "Not measured yet." in text
    assert "not measured yet." in text
    assert "In each of 2 repeats" in text
    assert "18 trials recorded on 2 cores of paper, 2026-01-02" in text
    assert "with Ray 2.0." in text


def test_a_goal_that_is_missed_is_said_to_be() -> None:
    wide = METHODS | {"halving-3": [Replayed(21, 8), Replayed(21, 8)]}
    text = page.page(CURVES, {"grid81": replace(REPLAYED["grid81"], methods=wide)}, [])
    assert "epochs: not met by any method." in text
    assert "At least as often: none." in text


def test_where_the_grid_misses_it_too_methods_are_measured_by_the_grid() -> None:
    missed = [Replayed(20, 8), Replayed(20, 7)]
    methods = METHODS | {"grid": [Replayed(81, 7), Replayed(81, 8)], "halving-3": missed}
    text = page.page(CURVES, {"grid81": replace(REPLAYED["grid81"], methods=methods)}, [])
    assert "epochs: not met by any method." in text
    assert "At least as often: halving, eta 3 (24.7 % of the epochs, 1 of 2)." in text


def test_only_what_meets_the_goal_in_every_space_is_named_for_all() -> None:
    other = {**METHODS, "halving-3": [Replayed(20, 8), Replayed(20, 7)], "tpe-20": [Replayed(20, 8)] * 2}
    replayed = REPLAYED | {"mixed90": replace(REPLAYED["grid81"], methods=other)}
    recorded = CURVES | {"mixed90": replace(CURVES["grid81"], name="mixed90")}
    text = page.page(recorded, replayed, [])
    assert "of the service: no method; at least as often as the grid: no method." in text
    both = replayed | {"mixed90": REPLAYED["grid81"]}
    assert "of the service: halving, eta 3; at least as often as the grid: halving, eta 3." in page.page(
        recorded, both, []
    )


def test_tables_have_epochs_regret_and_pairs_in_both_directions() -> None:
    text = page.page(CURVES, REPLAYED, [])
    [own, _] = rows(text, "tpe, 20")
    assert own[1:] == ["49.4 %", "1.00 (-11.71 to 13.71)", "1.00 (-11.71 to 13.71)", "1 of 2"]
    [best] = rows(text, "**halving")
    assert best[1:] == ["24.7 %", "0.00 (0.00 to 0.00)", "0.00 (0.00 to 0.00)", "2 of 2"]
    ray, beside_ours = rows(text, "Ray Tune")
    assert ray[4] == "0 of 2"
    assert beside_ours[2:] == ["halving, eta 3", "24.7 %", "-1.00 (-1.00 to -1.00)", "worse"]
    [_, other] = rows(text, "tpe, 20")
    assert other[2] == "Ray Tune, ASHA, factor 3"


def test_real_runs_are_compared_with_the_grid() -> None:
    wall = [
        run("grid", 1, 100.0),
        run("halving-3", 1, 31.0),
        run("grid", 2, 120.0),
        run("halving-3", 2, 29.0),
    ]
    text = page.page(CURVES, REPLAYED, wall)
    [halving] = rows(text, "halving")[-1:]
    assert halving[1:] == ["30.0 (29.0 to 31.0), 2", "27 %", "81", "0.5000"]
    assert "at most 30 %: halving, eta 3." in text
    assert "Machine: 2 cores of paper, 2026-01-04; load 0.1 at the start." in text
    slow = [record | {"seconds": 60.0} if record["method"] != "grid" else record for record in wall]
    assert "at most 30 %: no method." in page.page(CURVES, REPLAYED, slow)


def drawn(methods: dict[str, list[Replayed]]) -> ElementTree.Element:
    return ElementTree.fromstring(
        regret_plot.svg({"grid81": summarize(CURVES["grid81"], methods)}, {"grid81": "x"})
    )


def test_the_plot_has_a_mark_for_each_method_where_its_epochs_and_regret_are() -> None:
    marks = [
        each for each in drawn(METHODS).findall(f"{SVG}circle") if each.attrib["r"] == str(regret_plot.RADIUS)
    ]
    places = [(float(each.attrib["cx"]), float(each.attrib["cy"])) for each in marks]
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    halving, ray, tpe, grid = places
    assert grid[0] == pytest.approx(regret_plot.RIGHT)
    assert halving[1] == grid[1] > tpe[1]
    assert tpe[1] == ray[1]
    assert [each.attrib["fill"] for each in marks] == [
        regret_plot.COLORS[name] for name in ("stop", "library", "tpe", "grid")
    ]


def test_a_space_where_nothing_is_lost_is_drawn_too() -> None:
    assert drawn({"grid": [Replayed(81, 8), Replayed(81, 8)]}).findall(f"{SVG}circle")


def test_the_page_and_its_plot_are_what_the_records_say() -> None:
    recorded, replayed = read_all(), replays.read()
    assert PAGE.read_text(encoding="utf-8") == page.page(recorded, replayed, records.read(wall.FILE))
    found = {name: summarize(recorded[name], space.methods) for name, space in replayed.items()}
    assert PLOT.read_text(encoding="utf-8") == regret_plot.svg(found, SPACES)
