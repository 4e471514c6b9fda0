"""The tables of the comparison: medians, ratios, accuracies that differ too much, processor time by kind."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.rivals import table

TITLES = {"tuned": "tuned loop", "service": "cnnlab", "ray": "Ray Tune"}


def run(side: str, wall: float, accuracy: float = 0.8, **changes: Any) -> dict[str, Any]:
    usual = {"task": "lenet5", "mode": "warm", "side": side, "wall": wall, "cpu": 2 * wall}
    return usual | {"accuracies": [accuracy, accuracy], "cpu_of": {"runners": wall, "API": 1.0}} | changes


def test_medians_and_ratio() -> None:
    records = [run("tuned", wall) for wall in (40.0, 30.0, 31.0)] + [run("service", 10.0)]
    of = table.cells(records, "warm")["lenet5"]
    assert (of["tuned"].wall, of["tuned"].least, of["tuned"].most, of["tuned"].rounds) == (
        31.0,
        30.0,
        40.0,
        3,
    )
    assert table.ratio(of, "tuned") == pytest.approx(3.1)
    assert table.ratio(of, "ray") is None


def test_modes_are_apart_and_failures_count_in_none() -> None:
    failed = {"task": "lenet5", "mode": "warm", "side": "ray", "error": "took too long"}
    records = [run("service", 10.0), run("service", 30.0, mode="cold"), failed]
    assert table.cells(records, "cold")["lenet5"]["service"].wall == 30.0
    assert set(table.cells(records, "warm")["lenet5"]) == {"service"}
    assert "- ray, lenet5, warm: took too long" in table.page(records, TITLES, "a machine")


@pytest.mark.parametrize(
    ("accuracy", "marked"), [(0.804, False), (0.796, False), (0.806, True), (0.794, True)]
)
def test_an_accuracy_half_a_point_away_is_marked(accuracy: float, marked: bool) -> None:
    lines = list(table.compare([run("tuned", 30.0, 0.8), run("service", 10.0, accuracy)], "warm", TITLES))
    [ours] = [line for line in lines if line.startswith("| cnnlab")]
    assert ("half a point" in ours) == marked


def test_a_row_says_how_much_faster_the_service_is_in_both_directions() -> None:
    lines = list(table.compare([run("tuned", 5.0), run("service", 10.0)], "warm", TITLES))
    assert "| tuned loop | 5.0 (5.0 to 5.0), 1 | 0.50× | 10.0 | 80.00 % |" in lines


def test_growth_is_ordered_by_number() -> None:
    records = [
        run(side, wall * int(count), task=count, mode="growth")
        for count in ("16", "4", "96")
        for side, wall in (("tuned", 3.0), ("service", 1.0))
    ]
    rows = [line for line in table.grow(records, TITLES) if line[2:3].isdigit()]
    assert [row.split(" | ")[0] for row in rows] == ["| 4", "| 16", "| 96"]
    assert all(row.endswith("| 3.00× |") for row in rows)


def test_processor_time_of_a_sweep_is_shared_out() -> None:
    lines = list(table.processor([run("service", 3.0), run("service", 3.0)]))
    assert "| runners | 3.00 | 75.0 % |" in lines
    assert "| API | 1.00 | 25.0 % |" in lines


def test_seconds_until_final_in_sql_are_compared_too() -> None:
    records = [run("tuned", 30.0), run("service", 12.0, final_seconds=10.0)]
    [line] = [line for line in table.compare(records, "warm", TITLES) if "final in SQL" in line]
    assert line.endswith("10.0 until the last trial was final in SQL, 3.00× as fast as the tuned loop.")
    cold = [record | {"mode": "cold"} for record in records]
    assert not any("final in SQL" in line for line in table.compare(cold, "cold", TITLES))


def test_the_kind_of_process_that_takes_most_comes_first_and_one_that_did_not_run_took_nothing() -> None:
    runs = [
        {"mode": "warm", "side": "service", "task": "lenet5", "cpu_of": cpu_of}
        for cpu_of in ({"api": 1.0, "runners": 8.0}, {"api": 3.0, "runners": 8.0, "upkeep": 5.0})
    ]
    rows = [line.split("|")[1:3] for line in table.processor(runs) if line.startswith("|")][2:]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["runners", "8.00"],
        ["upkeep", "2.50"],
        ["api", "2.00"],
    ]
