"""Replayed sweeps: epochs and choice of each method on curves whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from made_up_curves import EPOCHS, SPEC, made_up, on_paper, rising

from benchmarks.search_study.methods import METHODS, Method
from benchmarks.search_study.recorded_curves import RecordedCurves
from benchmarks.search_study.replayed_sweep import Replayed, ReplayedSweep, ReplayedTrial, seed_of
from services.domain.states import TrialState
from services.domain.stopping.halving import Halving
from services.domain.stopping.plateau import Plateau


def replay(method: Method, recorded: RecordedCurves | None = None, repeat: int = 0) -> Replayed:
    curves = recorded or made_up()
    return ReplayedSweep(curves, on_paper(curves), method, repeat).run()


def rule(name: str, **settings: Any) -> Method:
    return Method(name, stop=[{"name": name, **settings}])


@pytest.mark.parametrize(
    ("method", "epochs"),
    [
        (METHODS["grid"], 81),
        (rule("first-epoch", keep=2), 9 + 2 * 8),
        (rule("halving", eta=3), 9 + 3 * 2 + 6),
        (rule("halving", eta=4), 9 + 2 * 3 + 5),
        (rule("halving", eta=3, first=3), 9 * 3 + 3 * 6),
        (rule("median", first=8), 9 * 8 + 5),
        (rule("plateau", patience=2), 81),
    ],
)
def test_rules_spend_what_they_must_and_choose_the_best(method: Method, epochs: int) -> None:
    assert replay(method) == Replayed(epochs, 8)


def test_smaller_is_better_where_the_objective_says_so() -> None:
    assert replay(rule("halving"), made_up(goal="minimize")) == Replayed(21, 0)


def test_the_best_point_is_lost_where_the_first_epoch_misleads() -> None:
    late = made_up(
        lambda point, seed, epoch: 0.1 if point == 8 and epoch == 1 else rising(point, seed, epoch)
    )
    assert replay(rule("first-epoch", keep=3), late).point == 7
    assert replay(rule("halving", first=3), late).point == 8


def test_a_trial_that_stands_still_ends_by_its_own_curve() -> None:
    flat = made_up(lambda point, seed, epoch: rising(point, seed, min(epoch, 4)) - (epoch > 4) * 0.001)
    assert replay(rule("plateau", patience=2), flat) == Replayed(9 * 6, 8)


def test_a_trial_succeeds_at_its_last_epoch_whatever_its_own_rule_says_there() -> None:
    curve, patience = [0.5] * (EPOCHS - 2) + [0.6, 0.5], Plateau(patience=1)
    trial = ReplayedTrial(0, 0, curve, made_up().ranked_by, cohort=0, until=EPOCHS, epoch=EPOCHS - 2)
    trial.train([patience])
    assert trial.state == TrialState.SUCCEEDED
    short = ReplayedTrial(0, 0, curve, made_up().ranked_by, cohort=0, until=EPOCHS)
    short.train([patience])
    assert (short.state, short.epoch) == (TrialState.PRUNED, 2)


def test_a_pruned_trial_counts_with_its_best_epoch() -> None:
    def peak(point: int, seed: int, epoch: int) -> float:
        return 0.9 if point == 2 and epoch == 1 else rising(point, seed, epoch)

    assert replay(rule("halving"), made_up(peak)).point == 2
    assert replay(rule("halving"), made_up(peak, at="last")).point == 8


def test_brackets_are_trained_as_the_rule_divides_the_points() -> None:
    halving = Halving(eta=3, brackets=2)
    first, second = halving.cohorts(9, EPOCHS)
    assert (first.rungs, second.rungs) == ((1, 3), (3,))
    a, b = first.points, second.points
    expected = a + max(1, a // 3) * 2 + max(1, a // 9) * 6 + b * 3 + max(1, b // 3) * 6
    found = replay(rule("halving", brackets=2))
    assert found == Replayed(expected, 8)


def test_random_points_are_distinct_and_others_with_each_repeat() -> None:
    found = {replay(Method("random", "random", 3), repeat=repeat) for repeat in range(8)}
    assert {each.epochs for each in found} == {27}
    assert len({each.point for each in found}) > 2
    assert replay(Method("random", "random", 9)) == Replayed(81, 8)


def test_points_of_all_architectures_are_visited() -> None:
    spec = SPEC | {"space": {"model.depth": [2, 3], "model.dropout": [0.0, 0.1]}}
    points = [{"model.depth": depth, "model.dropout": dropout} for depth in (2, 3) for dropout in (0.0, 0.1)]
    recorded = replace(made_up(), spec=spec, points=points, curves=made_up().curves[:4])
    assert replay(Method("random", "random", 4), recorded) == Replayed(36, 3)
    assert replay(METHODS["grid"], recorded) == Replayed(36, 3)


def test_a_search_by_results_tries_no_point_twice_and_ends_with_the_space() -> None:
    assert replay(Method("tpe", "tpe", 9)) == Replayed(81, 8)
    assert replay(Method("tpe", "tpe", 20)) == Replayed(81, 8)
    assert replay(Method("tpe", "tpe", 5)).epochs == 45


def test_each_cohort_of_a_search_by_results_is_halved_by_itself() -> None:
    method = Method("tpe", "tpe", 9, [{"name": "halving", "cohort": 3}])
    assert replay(method) == Replayed(3 * (3 + 2 + 6), 8)


def test_a_last_cohort_that_stays_short_is_decided_too() -> None:
    method = Method("tpe", "tpe", 20, [{"name": "halving", "cohort": 6}])
    assert replay(method) == Replayed((6 + 2 * 2 + 6) + (3 + 2 * 2 + 6), 8)


def test_each_repeat_sees_seeds_of_its_own_and_always_the_same() -> None:
    chosen = [[seed_of(repeat, point, 3) for point in range(60)] for repeat in range(2)]
    assert chosen[0] != chosen[1]
    assert {seed for row in chosen for seed in row} == {0, 1, 2}
    assert chosen[0] == [seed_of(0, point, 3) for point in range(60)]
    only_second = made_up(lambda point, seed, epoch: rising(point, seed, epoch) if seed else 0.1)
    for repeat in range(3):
        good = [point for point in range(9) if seed_of(repeat, point, 2) == 1]
        assert replay(METHODS["grid"], only_second, repeat).point == max(good)


def test_every_method_of_the_study_can_be_replayed() -> None:
    recorded = made_up()
    for name, method in METHODS.items():
        assert replay(method, recorded).epochs <= 81, name
        assert method.spec()["search"] == method.search
