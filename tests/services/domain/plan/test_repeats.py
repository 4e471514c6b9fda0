"""Seeds and folds: which replicate is which, and results by what intervals are over."""

import math
import re
from typing import Any

import pytest

from services.domain.plan.repeats import Repeats
from services.domain.results.compared import TrialResult, compared
from services.domain.results.comparison import Side, compare
from services.domain.results.intervals import estimate, interval
from tests.paper_catalog import paper_plan, paper_spec, refusals


def folded(folds: Any, **changes: Any) -> dict[str, Any]:
    return {"data": {"name": "paper", "folds": folds}, **changes}


def test_every_seed_meets_every_fold_once() -> None:
    repeats = Repeats(seeds=2, folds=3)
    pairs = [(repeats.seed_of(number), repeats.fold_of(number)) for number in range(repeats.trials)]
    assert pairs == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


@pytest.mark.parametrize(
    ("repeats", "words", "unit", "units"),
    [
        (Repeats(1), "", "seed", 1),
        (Repeats(4), "4 seeds", "seed", 4),
        (Repeats(1, 5), "5 folds", "fold", 5),
        (Repeats(2, 5), "2 seeds × 5 folds", "fold", 5),
    ],
)
def test_what_intervals_are_over(repeats: Repeats, words: str, unit: str, units: int) -> None:
    assert (str(repeats), repeats.unit, repeats.units) == (words, unit, units)


def test_the_value_of_a_fold_is_the_mean_over_its_seeds() -> None:
    values = {0: 0.5, 1: 0.7, 2: None, 3: 0.6, 4: math.nan, 5: math.inf}
    assert Repeats(2, 3).by_unit(values) == {0: 0.55, 1: 0.7, 2: None}
    assert Repeats(6).by_unit(values) == values
    assert Repeats(1, 6).by_unit(values) == values


def test_an_interval_over_folds_has_one_value_for_each() -> None:
    repeats, values = Repeats(2, 3), {0: 0.5, 1: 0.7, 2: 0.9, 3: 0.6, 4: 0.8, 5: 1.0}
    found = estimate(list(repeats.by_unit(values).values()), repeats)
    assert found.n == 3
    assert (found.low, found.high) == pytest.approx(interval([0.55, 0.75, 0.95]))
    some = estimate([0.5, None, 0.6], repeats, failed=2)
    assert (some.note or "").startswith("2 of 3 folds have a value; ")
    assert (some.note or "").endswith("; 2 of 6 trials failed")
    assert estimate([None] * 3, repeats, failed=6).note == "no value: all 6 trials failed"


def test_the_best_two_are_compared_by_fold() -> None:
    best, other = (Side(point=at, values={0: 0.8 + at, 1: 0.9 + 2 * at, 2: 0.7 + at}) for at in (1, 0))
    assert "over 3 folds" in compare(best, other, "maximize", Repeats(2, 3)).words
    assert "no fold in common" in compare(best, Side(point=0, values={}), "maximize", Repeats(1, 3)).words


def trial(point: int, replicate: int, value: float) -> TrialResult:
    return TrialResult(point * 10 + replicate, point, replicate, "succeeded", {"x": point}, value, 3)


def test_effects_are_taken_from_the_values_of_folds() -> None:
    trials = [trial(point, replicate, 0.1 * replicate + point) for point in (0, 1) for replicate in range(6)]
    found = compared(trials, 12, repeats=Repeats(2, 3))
    assert found.points[0].results == pytest.approx((0.15, 0.25, 0.35))
    assert (found.repeats, found.trials) == (Repeats(2, 3), 12)
    few = compared([each for each in trials if each.replicate in (0, 3)], 12, repeats=Repeats(2, 3))
    assert few.points[0].results == pytest.approx((0.0, 0.3))  # two seeds of one fold
    assert few.repeats == Repeats(2)
    uneven = compared([each for each in trials if each.replicate < 5], 12, repeats=Repeats(2, 3))
    assert uneven.points[0].results == pytest.approx((0.15, 0.25, 0.2))


def test_a_plan_has_each_point_on_every_fold() -> None:
    plan = paper_plan(paper_spec(**folded(5, seeds=2)))
    assert (plan.points, plan.replicates, plan.trials) == (4, 10, 40)
    for number in range(plan.trials):
        assert plan.replicate_of(number) == number // 4  # no array has trials of two folds
        assert plan.run_of(number) == 4 - number % 4
    assert not any(shape.mixed for shape in plan.shapes)
    assert len({plan.seed_of(number) for number in range(40)}) == 40
    assert plan.epochs == 40 * 3


def test_trials_of_two_folds_never_share_an_array() -> None:
    alone = {"space": {}, "seeds": 7}
    assert paper_plan(paper_spec(**alone)).shapes[0].mixed  # seeds of one point may
    plan = paper_plan(paper_spec(**folded(5, **alone)))
    assert not plan.shapes[0].mixed
    assert [plan.run_of(number) for number in range(35)] == [1] * 35


def test_more_seeds_leave_each_trial_its_replicate_and_seed() -> None:
    def trials(seeds: int) -> set[tuple[int, int, int]]:
        plan = paper_plan(paper_spec(**folded(3, seeds=seeds)))
        return {(plan.point_of(n), plan.replicate_of(n), plan.seed_of(n)) for n in range(plan.trials)}

    assert trials(1) < trials(2)  # so these are reused when a sweep is extended


@pytest.mark.parametrize("written", [0, 0.0, "0", None, "many", -3, [5], True, 2.5])
def test_what_is_no_number_of_folds_multiplies_nothing(written: Any) -> None:
    assert paper_spec(data={"name": "paper", "folds": written}).replicates == 1


@pytest.mark.parametrize(
    ("changes", "pointer", "words"),
    [
        (
            folded(5, space={"data.folds": [3]}),
            "/space",
            "must stand in data, the same for all points; got 3",
        ),
        (folded(3, space={"data": [{"name": "paper"}]}), "/space", "must stand in data, .* got 0 in space"),
        (folded(5, race=True, seeds=5), "/race", "compares points by seeds, so data.folds must be 0; got 5"),
        (
            folded(5, max_trials=4),
            "/max_trials",
            "at least seeds × folds, 5, so that one point can run; got 4",
        ),
        (folded(5, seeds=2, search="random", max_trials=4), "/max_trials", "at least seeds × folds, 10"),
    ],
)
def test_folds_that_do_not_fit_are_refused(changes: dict[str, Any], pointer: str, words: str) -> None:
    (found,) = refusals(**changes)
    assert found[0] == pointer
    assert re.search(words, found[1]), found[1]


def test_max_trials_counts_folds() -> None:
    plan = paper_plan(paper_spec(**folded(5, search="random", max_trials=13)))
    assert (plan.points, plan.trials) == (2, 10)
