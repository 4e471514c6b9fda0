"""Rules that compare points at rungs: which cohorts there are, where their rungs lie, which points go on."""

from __future__ import annotations

import pytest

from services.domain.spec.objective import Objective
from services.domain.stopping import CohortPlan, PointAtRung, RungRule
from services.domain.stopping.first_epoch import FirstEpoch
from services.domain.stopping.halving import Halving
from services.domain.stopping.median import Median

MAXIMIZE = Objective(metric="val/acc", goal="maximize")
MINIMIZE = Objective(metric="val/loss", goal="minimize")


def there(*values: float | None, averages: tuple[float, ...] = ()) -> list[PointAtRung]:
    means = averages or values
    return [PointAtRung(at, value, mean) for at, (value, mean) in enumerate(zip(values, means, strict=True))]


@pytest.mark.parametrize(
    ("rule", "points", "epochs", "cohorts"),
    [
        (FirstEpoch(), 81, 9, [CohortPlan(81, (1,))]),
        (Halving(), 81, 9, [CohortPlan(81, (1, 3))]),
        (Halving(), 81, 10, [CohortPlan(81, (1, 3, 9))]),
        (Halving(eta=4, first=2), 10, 9, [CohortPlan(10, (2, 8))]),
        (Halving(cohort=4), 10, 2, [CohortPlan(4, (1,)), CohortPlan(4, (1,)), CohortPlan(2, (1,))]),
        (Halving(cohort=40), 10, 2, [CohortPlan(10, (1,))]),
        (Median(), 8, 4, [CohortPlan(8, (1, 2, 3))]),
        (Median(first=2, every=3), 8, 9, [CohortPlan(8, (2, 5, 8))]),
    ],
)
def test_cohorts_and_rungs(rule: RungRule, points: int, epochs: int, cohorts: list[CohortPlan]) -> None:
    assert rule.cohorts(points, epochs) == cohorts


def test_brackets_divide_all_points_and_train_about_as_many_epochs() -> None:
    rule = Halving(eta=3, brackets=3)
    cohorts = rule.cohorts(300, 27)
    assert [cohort.rungs for cohort in cohorts] == [(1, 3, 9), (3, 9), (9,)]
    assert sum(cohort.points for cohort in cohorts) == 300
    epochs = [
        sum(
            cohort.points // 3**step * (end - start)
            for step, (start, end) in enumerate(zip((0, *cohort.rungs), (*cohort.rungs, 27), strict=True))
        )
        for cohort in cohorts
    ]
    assert max(epochs) < 1.15 * min(epochs)


def test_halving_keeps_one_in_eta_of_those_that_began() -> None:
    values = there(0.1, 0.9, 0.5, 0.7, 0.3, 0.2, 0.8, 0.6, 0.4)
    assert Halving().kept(values, 0, 9, MAXIMIZE) == [1, 6, 3]
    assert Halving().kept(values, 0, 9, MINIMIZE) == [0, 5, 4]
    assert Halving().kept(values[:3], 1, 9, MAXIMIZE) == [1]
    assert Halving().kept(values[:2], 5, 9, MAXIMIZE) == [1], "at least one goes on"
    assert Halving().kept(values[:2], 0, 9, MAXIMIZE) == [1, 0], "others have failed, so there is room"


def test_a_point_without_a_value_comes_last_and_equal_ones_go_by_number() -> None:
    assert Halving(eta=2).kept(there(None, 0.5, 0.5, 0.5), 0, 4, MAXIMIZE) == [1, 2]
    assert FirstEpoch(keep=4).kept(there(None, 0.5, float("nan"), 0.6), 0, 4, MAXIMIZE) == [3, 1, 0, 2]


def test_first_epoch_keeps_so_many() -> None:
    assert FirstEpoch(keep=2).kept(there(0.1, 0.3, 0.2), 0, 3, MAXIMIZE) == [1, 2]
    assert FirstEpoch(keep=9).kept(there(0.1, 0.3, 0.2), 0, 3, MAXIMIZE) == [1, 2, 0]


def test_median_compares_the_best_value_with_the_median_of_averages() -> None:
    values = there(0.5, 0.6, 0.4, 0.9, averages=(0.45, 0.5, 0.3, 0.8))
    assert Median().kept(values, 0, 4, MAXIMIZE) == [3, 1, 0], "the median of averages is 0.475"
    assert Median().kept(there(None, None), 0, 2, MAXIMIZE) == [0, 1]
    assert Median().kept([], 0, 2, MAXIMIZE) == []


@pytest.mark.parametrize(
    ("rule", "epochs", "wrong"),
    [
        (Halving(first=3), 3, ("first", 3)),
        (Halving(first=3), 4, None),
        (Halving(brackets=3), 4, None),
        (Halving(brackets=4), 9, ("brackets", 9)),
        (FirstEpoch(), 1, ("", 1)),
        (FirstEpoch(), 2, None),
        (Median(first=5), 5, ("first", 5)),
        (Median(first=4), 5, None),
    ],
)
def test_a_rung_lies_before_the_last_epoch(
    rule: RungRule, epochs: int, wrong: tuple[str, int] | None
) -> None:
    assert rule.first_wrong_rung(epochs) == wrong
