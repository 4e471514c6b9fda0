"""services/store/trial_results.py: every drawn trial with the value that the objective takes of it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import event, update

from services.domain.spec.objective import Objective
from services.store.models import Trial
from services.store.session import Store
from services.store.trial_results import results_at, trial_results


def test_trials_come_by_number_with_their_best_or_last_value(store: Store) -> None:
    sweep_id = write_sweep(store)
    write_sweep(store)  # another one, whose trials stay out
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    for number in (1, 2):
        report(store, held, number, ids)
    found = store.read(
        lambda session: trial_results(session, sweep_id, Objective.model_validate({"at": "last"}))
    )
    assert [each.value for each in found] == [0.52] * 4
    best = store.read(lambda session: trial_results(session, sweep_id, Objective()))
    assert [each.value for each in best] == [None] * 4  # the reports on paper have no best value
    stored = trials_of(store, sweep_id)
    assert [(each.number, each.point, each.replicate, each.state, each.epoch) for each in found] == [
        (trial.number, trial.point, trial.replicate, "running", 2) for trial in stored
    ]
    assert [each.values for each in found] == [trial.values for trial in stored]
    assert {each.finished_at for each in found} == {None}


def test_values_of_known_points_are_not_read_again(store: Store) -> None:
    sweep_id = write_sweep(store)
    fill(store, sweep_id)
    values: dict[int, Any] = {}

    def read() -> list[Any]:
        return store.read(lambda session: trial_results(session, sweep_id, Objective(), values))

    first = read()
    assert values == {trial.point: trial.values for trial in trials_of(store, sweep_id)}
    statements: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert read() == first
    assert not [each for each in statements if "trials.values" in each.replace('"', "")]
    del values[2]  # as if it were new
    assert read() == first
    assert sum("trials" in each for each in statements) == 3


CURVES = [  # of four trials
    [0.6, 0.8, 0.5],
    [0.7, math.nan, 0.9],
    [math.nan, 0.4, 0.4],
    [math.inf, 0.3, 0.2],
]


@pytest.mark.parametrize(
    ("objective", "epoch", "values"),
    [
        ({}, 1, {0: 0.6, 1: 0.7}),
        ({}, 2, {0: 0.8, 1: 0.7, 2: 0.4, 3: 0.3}),
        ({}, 3, {0: 0.8, 1: 0.9, 2: 0.4, 3: 0.3}),
        ({"metric": "val/acc", "goal": "minimize"}, 3, {0: 0.5, 1: 0.7, 2: 0.4, 3: 0.2}),
        ({"at": "last"}, 2, {0: 0.8, 2: 0.4, 3: 0.3}),
        ({"at": "last"}, 3, {0: 0.5, 1: 0.9, 2: 0.4, 3: 0.2}),
        ({"metric": "val/loss"}, 3, {}),
    ],
)
def test_results_at_an_epoch_are_the_best_up_to_it_or_the_value_there(
    store: Store, objective: dict[str, str], epoch: int, values: dict[int, float]
) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    for number in (1, 2, 3):
        found = {each: {"val/acc": curve[number - 1]} for each, curve in zip(ids, CURVES, strict=True)}
        report(store, held, number, ids, found)
    chosen = Objective.model_validate(objective)
    got = store.read(lambda session: results_at(session, sweep_id, chosen, epoch))
    assert (got.epoch, got.values) == (epoch, values)


def test_a_pruned_trial_comes_with_the_rule_that_ended_it(store: Store) -> None:
    sweep_id = write_sweep(store)
    fill(store, sweep_id)
    first = trials_of(store, sweep_id)[0].id
    stopped = {"rule": "halving", "reason": "place 3 of 4"}
    store.write(
        lambda session: session.execute(update(Trial).where(Trial.id == first).values(stopped=stopped))
    )
    found = store.read(lambda session: trial_results(session, sweep_id, Objective()))
    assert [each.rule for each in found] == ["halving", None, None, None]
