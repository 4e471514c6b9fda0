"""services/domain/results/compared.py: which trials are compared, and the counts of the others."""

from __future__ import annotations

import math

from services.domain.results.compared import (
    ComparedPoints,
    LeftOutTrials,
    ResultsAtEpoch,
    TrialResult,
    compared,
)


def trial(point: int, replicate: int, value: float | None, state: str = "succeeded") -> TrialResult:
    return TrialResult(10 * point + replicate, point, replicate, state, {"x": point}, value, epoch=3)


def test_points_are_compared_over_the_replicates_that_all_of_them_have() -> None:
    found = compared([trial(1, 1, 0.6), trial(1, 0, 0.4), trial(0, 0, 0.1), trial(0, 1, 0.2)], total=4)
    assert [(point.number, point.results, point.mean) for point in found.points] == [
        (0, (0.1, 0.2), (0.1 + 0.2) / 2), (1, (0.4, 0.6), 0.5)
    ]  # fmt: skip
    assert (found.replicates, found.trials, found.left_out) == (2, 4, LeftOutTrials())
    assert found.left_out.words == ""


def test_every_trial_is_compared_or_counted_with_its_reason() -> None:
    trials = [
        trial(0, 0, 0.5), trial(0, 1, 0.5), trial(0, 2, 0.5),  # a seed more than the other point has
        trial(1, 0, 0.5), trial(1, 1, 0.5),
        trial(2, 0, 0.5), trial(2, 1, 0.4, "pruned"),
        trial(3, 0, 0.5, "failed"), trial(3, 1, None, "cancelled"),
        trial(4, 0, math.nan), trial(4, 1, 1e200), trial(4, 2, None),
        trial(5, 0, 0.9, "running"), trial(5, 1, None, "pending"), trial(5, 2, None, "queued"),
    ]  # fmt: skip
    found = compared(trials, total=20)
    assert [point.number for point in found.points] == [0, 1]
    assert found.left_out == LeftOutTrials(
        failed=1, pruned=1, cancelled=1, unfinished=8, no_value=3, incomplete=1, extra=1
    )
    counts = found.left_out
    assert found.trials + sum(getattr(counts, name) for name in counts.__dataclass_fields__) == 20
    assert counts.words == (
        "1 pruned, 1 failed, 1 cancelled, 8 unfinished, 3 without a finite value, "
        "1 of points with such a trial, 1 of seeds that not every point has"
    )


def test_a_race_leaves_the_first_seeds_of_every_point() -> None:
    lost = TrialResult(9, 1, 2, "pruned", {"x": 1}, None, epoch=0)
    never = TrialResult(10, 2, 0, "pruned", {"x": 2}, None, epoch=0)
    won = [trial(0, replicate, 0.8 + replicate / 10) for replicate in range(3)]
    found = compared([*won, trial(1, 0, 0.6), trial(1, 1, 0.7), lost, never], total=7)
    assert [(point.number, point.results) for point in found.points] == [(0, (0.8, 0.9)), (1, (0.6, 0.7))]
    assert found.left_out == LeftOutTrials(pruned=2, extra=1)


def test_nothing_is_compared_before_a_trial_has_ended() -> None:
    found = compared([trial(0, 0, 0.9, "running")], total=3)
    assert (found.points, found.trials, found.left_out) == ([], 0, LeftOutTrials(unfinished=3))


def at(epoch: int, *trials: TrialResult) -> ComparedPoints:
    """The points compared at an epoch; each trial's value there is a tenth of its number."""
    values = {trial.number: trial.number / 10 for trial in trials}
    return compared(trials, len(trials), ResultsAtEpoch(epoch, values))


def ended(number: int, state: str, epoch: int) -> TrialResult:
    return TrialResult(number, number, 0, state, {"x": number}, 0.9, epoch)


def test_at_an_epoch_every_trial_counts_that_has_reached_it_whatever_became_of_it() -> None:
    states = ("succeeded", "pruned", "failed", "cancelled", "running", "held")
    found = at(2, *(ended(number, state, 2 + number) for number, state in enumerate(states)))
    assert [point.results for point in found.points] == [(number / 10,) for number in range(6)]
    assert (found.epoch, found.left_out, found.where) == (2, LeftOutTrials(), "at epoch 2")


def test_at_an_epoch_those_that_have_not_reached_it_are_counted_by_what_ended_them() -> None:
    states = ("succeeded", "pruned", "failed", "cancelled", "running", "held")
    found = at(4, ended(9, "succeeded", 4), *(ended(number, state, 3) for number, state in enumerate(states)))
    assert [point.number for point in found.points] == [9]
    assert found.left_out == LeftOutTrials(shorter=1, pruned=1, failed=1, cancelled=1, unfinished=2)
    assert found.left_out.words == "1 pruned, 1 failed, 1 cancelled, 2 unfinished, 1 of fewer epochs"


def test_a_trial_without_a_value_at_the_epoch_is_counted_though_it_has_one_later() -> None:
    found = compared([ended(0, "succeeded", 3), ended(1, "succeeded", 3)], 2, ResultsAtEpoch(1, {0: 0.5}))
    assert ([point.number for point in found.points], found.left_out) == ([0], LeftOutTrials(no_value=1))


def test_without_an_epoch_each_is_at_its_last_one() -> None:
    found = compared([ended(0, "succeeded", 3)], 1)
    assert (found.epoch, found.where) == (None, "at their last epochs")
