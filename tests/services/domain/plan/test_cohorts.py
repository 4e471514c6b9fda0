"""Cohorts: every point has one, chosen at random but the same for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest
from paper_catalog import paper_plan, paper_spec

from services.domain.plan import cohorts
from services.domain.plan.cohorts import Cohorts
from services.domain.stopping.halving import Halving

NINE = {"model.dropout": [i / 10 for i in range(9)]}


def of(stop: object, epochs: int = 9, **changes: object) -> Cohorts:
    spec = paper_spec(space=NINE, train={"epochs": epochs}, stop=stop, **changes)
    return cohorts.of_sweep(spec, paper_plan(spec))


def test_without_a_rule_there_is_one_cohort_without_rungs() -> None:
    divided = of("none")
    assert {divided.of(point) for point in range(9)} == {0}
    assert divided.next_stop(0, 0, 9) == 9
    assert not divided.has_rungs
    assert of("halving").has_rungs


def test_a_trial_stops_at_each_rung_and_at_its_end() -> None:
    divided = of("halving")
    assert [divided.next_stop(0, epoch, 9) for epoch in range(9)] == [1, 3, 3, 9, 9, 9, 9, 9, 9]


def test_cohorts_have_as_many_points_as_planned() -> None:
    rule = Halving(brackets=3, cohort=40)
    planned = rule.cohorts(100, 9)
    divided = Cohorts(planned, rule.block(100), seed=5)
    found = Counter(map(divided.of, range(100)))
    assert [found[cohort] for cohort in range(len(planned))] == [plan.points for plan in planned]
    assert [divided.of(point) for point in range(40)] != sorted(divided.of(point) for point in range(40))
    assert {divided.of(point) for point in range(40)} == {0, 1, 2}, "forty neighbours share their cohorts"
    other = Cohorts(planned, rule.block(100), seed=6)
    assert [other.of(point) for point in range(40)] != [divided.of(point) for point in range(40)]


RANGES = {"model.dropout": {"uniform": [0, 0.9]}, "train.optimizer.lr": {"log_uniform": [1e-4, 1]}}


@pytest.mark.parametrize(
    ("stop", "points"),
    [
        ({}, [9, 9, 9, 9, 4]),
        ({"eta": 2}, [16, 16, 8]),
        ({"eta": 2, "first": 8}, [4] * 10),
        ({"brackets": 3}, [9, 4, 2, 9, 4, 2, 6, 2, 2]),
        ({"cohort": 25}, [25, 15]),
        ({"eta": 3, "first": 1, "cohort": 40}, [40]),
    ],
)
def test_a_search_by_results_has_cohorts_of_which_one_in_eta_goes_on_at_every_rung(
    stop: dict[str, int], points: list[int]
) -> None:
    rule = {"name": "halving", **stop}
    spec = paper_spec(space=RANGES, train={"epochs": 9}, search="tpe", max_trials=40, stop=rule)
    divided = cohorts.of_sweep(spec, paper_plan(spec))
    found = Counter(map(divided.of, range(40)))
    assert [found[cohort] for cohort in sorted(found)] == points
    assert [divided.plan(cohort).points for cohort in sorted(found)] == points


def test_of_any_other_search_all_points_are_compared() -> None:
    spec = paper_spec(space=RANGES, train={"epochs": 9}, search="random", max_trials=40, stop="halving")
    assert cohorts.of_sweep(spec, paper_plan(spec)).plan(0).points == 40


def test_the_epochs_that_small_cohorts_are_expected_to_take() -> None:
    spec = paper_spec(space=RANGES, train={"epochs": 9}, search="tpe", max_trials=18, stop="halving")
    assert cohorts.expected_epochs(spec, paper_plan(spec)) == 2 * (9 * 1 + 3 * 2 + 1 * 6)


@pytest.mark.parametrize(
    ("settings", "epochs", "cohort"), [({"brackets": 20, "eta": 2}, 10**6, 2209658), ({}, 3**12, 3**12)]
)
def test_a_cohort_is_found_at_once_however_large_it_is(
    settings: dict[str, int], epochs: int, cohort: int
) -> None:
    rule = Halving(**settings).by_results(epochs, 4)  # type: ignore[arg-type]
    assert rule.cohort == cohort


@pytest.mark.parametrize(
    ("stop", "epochs"),
    [
        ("none", 81),
        ({"name": "halving", "eta": 3}, 9 * 1 + 3 * 2 + 1 * 6),
        ({"name": "first-epoch", "keep": 2}, 9 + 2 * 8),
        ({"name": "halving", "eta": 2, "first": 4}, 9 * 4 + 4 * 4 + 2 * 1),
    ],
)
def test_the_epochs_that_are_expected(stop: object, epochs: int) -> None:
    for seeds in (1, 3):
        spec = paper_spec(space=NINE, train={"epochs": 9}, stop=stop, seeds=seeds)
        assert cohorts.expected_epochs(spec, paper_plan(spec)) == epochs * seeds
