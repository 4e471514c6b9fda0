"""After which epoch points are compared, and what that is for: effects that do not select by the result."""

from __future__ import annotations

from paper_catalog import paper_plan, paper_spec

from services.domain.results.common_epoch import common_epoch, reached_epochs
from services.domain.results.compared import ComparedPoints, ResultsAtEpoch, TrialResult, compared
from services.domain.results.effects import effects


def trial(
    point: int, state: str, epoch: int, replicate: int = 0, rule: str | None = None, value: float = 0.5
) -> TrialResult:
    number = 10 * point + replicate
    return TrialResult(number, point, replicate, state, {"x": point}, value, epoch, rule=rule)


HALVED = [
    trial(0, "succeeded", 9),
    trial(1, "pruned", 3, rule="halving"),
    *(trial(point, "pruned", 1, rule="halving") for point in range(2, 9)),
]


def test_after_halving_it_is_the_first_rung_which_all_have_reached() -> None:
    assert common_epoch(HALVED) == 1
    assert reached_epochs(HALVED) == [(1, 9), (3, 2)], "at epoch 9 one point is alone"


def test_without_early_stopping_each_trial_counts_at_its_end() -> None:
    lost = trial(3, "pruned", 0, replicate=2, rule="race")  # before it began
    trials = [trial(0, "succeeded", 9), trial(1, "failed", 2), trial(2, "cancelled", 1), lost]
    assert common_epoch(trials) is None
    assert reached_epochs(trials) == []


def test_trials_that_fail_or_train_or_are_cut_off_with_the_sweep_do_not_lower_it() -> None:
    trials = [trial(0, "succeeded", 9), trial(1, "pruned", 5, rule="plateau")]
    others = [
        *(trial(2, state, 1) for state in ("failed", "cancelled", "running", "held", "pending")),
        trial(3, "pruned", 2, rule="target"),
        trial(4, "pruned", 2, rule="budget"),
    ]
    assert common_epoch([*trials, *others]) == 5
    assert common_epoch(others) is None


def test_a_trial_that_had_fewer_epochs_lowers_it() -> None:
    assert common_epoch([trial(0, "succeeded", 2), trial(1, "pruned", 5, rule="median")]) == 2


def test_a_point_has_reached_an_epoch_when_all_its_trials_have() -> None:
    trials = [
        *(trial(0, "succeeded", 4, replicate) for replicate in (0, 1)),
        trial(1, "succeeded", 4), trial(1, "pruned", 2, 1, "median"), trial(1, "pruned", 0, 2, "race"),
    ]  # fmt: skip
    assert reached_epochs([*trials, trial(2, "succeeded", 4)]) == [(2, 3), (4, 2)]


def test_points_that_were_pruned_turn_an_effect_round_if_they_are_left_out() -> None:
    """Of dropout 0 each point is 0.7; of 0.5 one is 0.8, which goes on, and three are 0.4.

    The mean over all points says that 0.5 costs 0.1 on each side; among those that went on it gains 0.05.
    """
    spec = paper_spec(space={"dropout": [0, 0.5], "train.optimizer.lr": [0.1, 0.2, 0.3, 0.4]})
    plan = paper_plan(spec)
    trials, values = [], {}
    for point in range(plan.points):
        given = plan.values(point)
        good = given["model.dropout"] == 0 or given["train.optimizer.lr"] == 0.1
        values[point] = 0.7 if given["model.dropout"] == 0 else 0.8 if good else 0.4
        state, epoch = ("succeeded", 9) if good else ("pruned", 1)
        trials.append(TrialResult(point, point, 0, state, given, values[point], epoch, rule="halving"))

    def effect_of_dropout(chosen: ComparedPoints) -> float:
        [axis] = [
            axis
            for axis in effects(plan.axes, plan.labels, chosen, spec.objective).axes
            if axis.path == "model.dropout"
        ]
        low, high = axis.levels
        return high.mean - low.mean

    epoch = common_epoch(trials)
    assert epoch == 1
    everyone = compared(trials, plan.points, ResultsAtEpoch(epoch, values))
    assert abs(effect_of_dropout(everyone) + 0.2) < 1e-12
    assert abs(effect_of_dropout(compared(trials, plan.points)) - 0.1) < 1e-12
    assert effects(plan.axes, plan.labels, everyone, spec.objective).epoch == 1
