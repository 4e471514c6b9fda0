"""The table that other libraries' trials read: which curve, and which point their choices are."""

from __future__ import annotations

import pytest

from benchmarks.search_study.libraries.curve_table import CurveTable

# A condition: `momentum` is chosen only where `optimizer` is 0.
DIMENSIONS = [
    {"name": "optimizer", "kind": "categories", "size": 2},
    {"name": "momentum", "kind": "steps", "size": 3},
    {"name": "dropout", "kind": "categories", "size": 1},
]
CHOICES = [*({"optimizer": 0, "momentum": at} for at in range(3)), {"optimizer": 1}]
CURVES = [[[point + seed / 10, 9.0] for seed in range(3)] for point in range(4)]
TABLE = CurveTable(CURVES, DIMENSIONS, CHOICES, True, 0, first=[2, 0, 1, 0], order=[3, 1, 0, 2])


def test_each_further_visit_of_a_point_sees_another_seed() -> None:
    assert [TABLE.curve(0, visit)[0] for visit in range(4)] == [0.2, 0.0, 0.1, 0.2]
    assert TABLE.curve(2)[0] == 2.1
    assert TABLE.epochs == 2


@pytest.mark.parametrize(("chosen", "point"), [((0, 2), 2), ((0, 0), 0), ((1,), 3)])
def test_choices_lead_to_a_point_and_only_what_it_has_is_asked_for(
    chosen: tuple[int, ...], point: int
) -> None:
    asked: list[tuple[str, str, int]] = []

    def choose(*dimension: object) -> int:
        asked.append(dimension)  # type: ignore[arg-type]
        return chosen[len(asked) - 1]

    assert TABLE.point(choose) == point
    assert [name for name, _, _ in asked] == ["optimizer", "momentum"][: len(chosen)]
    assert asked[0] == ("optimizer", "categories", 2)


def test_the_best_of_values_follows_the_direction() -> None:
    assert TABLE.best([1, 3, 2]) == 3
    assert CurveTable(CURVES, DIMENSIONS, CHOICES, False, 0, [], []).best([1, 3, 2]) == 1
