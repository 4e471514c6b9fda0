"""Trials of a search by results: asked for when nothing waits, by the rows alone, within the bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec
from paper_sweep import fill, row_of, take, trials_of, write_sweep

from services import dispatch
from services.domain.results.race import FIRST_SEEDS
from services.domain.states import SweepState, TrialState
from services.store import asked, asked_history, endings, sweeps
from services.store.models import Pack, Sweep, Trial
from services.store.session import Session, Store

SPACE = {"model.dropout": {"uniform": [0, 0.9]}, "train.optimizer.lr": {"log_uniform": [1e-4, 1]}}
TPE: dict[str, Any] = {"space": SPACE, "search": "tpe", "max_trials": 60, "seed": 3}
POINTS = [{"model.dropout": n / 100, "train.optimizer.lr": 0.1} for n in range(20)]
Value = Callable[[Trial], float | None]


def good(trial: Trial) -> float | None:
    """The best dropout is 0.4."""
    return 1 - float((trial.values["model.dropout"] - 0.4) ** 2)


def train(store: Store, pack: Pack, value: Value = good) -> None:
    """End a pack's trials: without a value they have failed."""
    held = take(store, pack)
    mine = [trial for trial in trials_of(store, pack.sweep_id) if trial.pack_id == pack.id]

    def write(session: Session) -> None:
        for trial in mine:
            row = session.get_one(Trial, trial.id)
            row.best_value = row.last_value = found = value(trial)
            row.epoch = row.target_epoch
            failure = {"kind": "diverged", "message": "no"} if found is None else None
            state = TrialState.FAILED if found is None else TrialState.SUCCEEDED
            endings.end_trial(session, held, trial.id, state, failure=failure)
        endings.close(session, held, "done")

    store.write(write)


def train_all(store: Store, sweep_id: str, value: Value = good) -> list[Trial]:
    while (pack := store.write(lambda session: dispatch.fill(session, sweep_id))) is not None:
        train(store, pack, value)
    store.write(lambda session: sweeps.settle(session, sweep_id))
    return trials_of(store, sweep_id)


def next_values(store: Store, sweep_id: str, count: int) -> list[dict[str, Any]]:
    def read(session: Session) -> list[dict[str, Any]]:
        sweep = sweeps.get(session, sweep_id)
        found = asked.next_points(session, sweep, count)
        return [sweep.plan.space.values(point.coordinates) for point in found]

    return store.read(read)


def test_it_asks_for_a_tenth_of_all_points_and_the_packs_of_one_ask_come_together(
    sqlite_store: Store,
) -> None:
    sweep_id = write_sweep(sqlite_store, **TPE)
    first = fill(sqlite_store, sweep_id)
    drawn = trials_of(sqlite_store, sweep_id)
    assert len(drawn) == row_of(sqlite_store, Sweep, sweep_id).next_number == 6
    assert [(trial.width, trial.row) for trial in drawn] == [(3, row) for row in (0, 1, 2)] * 2
    assert [trial.pack_id for trial in drawn] == [first.id] * 3 + [None] * 3
    second = fill(sqlite_store, sweep_id)
    train(sqlite_store, first)
    assert sqlite_store.write(lambda session: dispatch.fill(session, sweep_id)) is None, "one for each device"
    train(sqlite_store, second)
    assert fill(sqlite_store, sweep_id)
    assert len(trials_of(sqlite_store, sweep_id)) == 12


def test_all_points_are_tried_once_and_the_last_ones_are_better(sqlite_store: Store) -> None:
    found = train_all(sqlite_store, write_sweep(sqlite_store, **TPE))
    assert [trial.number for trial in found] == list(range(60))
    assert len({str(trial.values) for trial in found}) == 60
    distances = [abs(trial.values["model.dropout"] - 0.4) for trial in found]
    assert sum(distances[40:]) < 0.7 * sum(distances[:20])
    assert row_of(sqlite_store, Sweep, found[0].sweep_id).state == SweepState.SUCCEEDED


@pytest.mark.parametrize("search", ["tpe", "cma-es"])
def test_the_rows_decide_and_nothing_else(sqlite_store: Store, search: str) -> None:
    spec = TPE | {"search": search}
    one, other = (train_all(sqlite_store, write_sweep(sqlite_store, **spec)) for _ in range(2))
    assert [trial.values for trial in one] == [trial.values for trial in other]
    third = train_all(sqlite_store, write_sweep(sqlite_store, **spec), lambda trial: -(good(trial) or 0))
    same = [a.values == b.values for a, b in zip(one, third, strict=True)]
    assert all(same[:6])
    assert not any(same[24:]), "other results, other points"


def test_seeds_of_a_point_follow_one_another_and_count_as_their_mean(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, **TPE | {"seeds": 3, "max_trials": 30})
    values: Value = lambda trial: None if trial.point == 1 else trial.replicate / 2  # noqa: E731
    found = train_all(sqlite_store, sweep_id, values)
    assert [(trial.point, trial.replicate) for trial in found] == [divmod(n, 3) for n in range(30)]
    for point in range(10):
        trials = [trial for trial in found if trial.point == point]
        assert len({str(trial.values) for trial in trials}) == 1
        assert len({trial.seed for trial in trials}) == 3
    history = sqlite_store.read(
        lambda session: asked_history.of_sweep(session, sweeps.get(session, sweep_id))
    )
    seen = history.seen(1)
    assert (len(seen), seen.known) == (10, 9)
    assert seen.all().values == [-0.5] * 10, "the one that failed has the worst of the others"


def test_a_finite_space_ends_the_sweep_when_it_is_exhausted(sqlite_store: Store) -> None:
    space = {"model.dropout": [0, 0.1, 0.2], "train.optimizer": ["sgd", "adam"]}
    found = train_all(sqlite_store, write_sweep(sqlite_store, **TPE | {"space": space}), lambda trial: 0.5)
    assert len(found) == len({str(trial.values) for trial in found}) == 6
    assert row_of(sqlite_store, Sweep, found[0].sweep_id).state == SweepState.SUCCEEDED


def test_a_space_whose_constraints_leave_no_more_points_draws_no_more(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep_id = write_sweep(sqlite_store, **TPE)
    for _ in range(2):
        train(sqlite_store, fill(sqlite_store, sweep_id))
    monkeypatch.setattr(asked, "ask", lambda *args, **more: [])
    assert sqlite_store.write(lambda session: dispatch.fill(session, sweep_id)) is None
    sweep = row_of(sqlite_store, Sweep, sweep_id)
    assert sweep.state == SweepState.STOPPING
    assert sweep.ended_by == {"rule": "tpe", "reason": "the space has no more points", "now": False}
    sqlite_store.write(lambda session: sweeps.settle(session, sweep_id))
    assert row_of(sqlite_store, Sweep, sweep_id).state == SweepState.SUCCEEDED


def test_points_of_the_spec_come_first(sqlite_store: Store) -> None:
    given = [{"dropout": 0.25, "lr": 0.5}, {"dropout": 0.75}]
    found = train_all(sqlite_store, write_sweep(sqlite_store, **TPE | {"points": given, "max_trials": 20}))
    assert [trial.values["model.dropout"] for trial in found[:2]] == [0.25, 0.75]
    assert found[0].values["train.optimizer.lr"] == 0.5
    assert len({str(trial.values) for trial in found}) == 20


def test_results_of_other_sweeps_are_looked_at(sqlite_store: Store) -> None:
    grid = {"model.dropout": [n / 10 for n in range(10)], "train.optimizer.lr": [0.01, 0.1, 0.5]}
    earlier = write_sweep(sqlite_store, space=grid)
    train_all(sqlite_store, earlier)
    cold = write_sweep(sqlite_store, **TPE)
    warm = write_sweep(sqlite_store, **TPE | {"warm_start": [earlier]})
    far, near = (
        sum(abs(values["model.dropout"] - 0.4) for values in next_values(sqlite_store, sweep_id, 6))
        for sweep_id in (cold, warm)
    )
    assert near < 0.7 * far


def test_a_budget_of_epochs_is_not_exceeded(sqlite_store: Store) -> None:
    stop = [{"name": "budget", "epochs": 20}]
    sweep_id = write_sweep(sqlite_store, **TPE | {"max_trials": 12, "train": {"epochs": 3}, "stop": stop})
    found = train_all(sqlite_store, sweep_id)
    assert len(found) == 6, "of three epochs each"
    assert (row_of(sqlite_store, Sweep, sweep_id).ended_by or {})["rule"] == "budget"


def test_in_a_race_the_later_seeds_of_a_point_wait(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, **TPE | {"seeds": 5, "max_trials": 20, "race": True})
    fill(sqlite_store, sweep_id)
    drawn = trials_of(sqlite_store, sweep_id)
    held = {trial.replicate for trial in drawn if trial.state == TrialState.HELD}
    assert held == set(range(FIRST_SEEDS, 5))
    assert {trial.until_epoch for trial in drawn if trial.replicate in held} == {0}


def test_a_process_without_the_method_leaves_the_sweep_to_others(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep_id = write_sweep(sqlite_store, **TPE)
    monkeypatch.setattr(asked.AskedSearch, "missing", lambda self: "needs something")
    assert sqlite_store.write(lambda session: dispatch.fill(session, sweep_id)) is None
    assert row_of(sqlite_store, Sweep, sweep_id).state == SweepState.ACTIVE
    monkeypatch.undo()
    assert fill(sqlite_store, sweep_id)


def submitted(store: Store, **changes: Any) -> str:
    """A sweep whose trials have identities."""
    spec = paper_spec(**TPE | {"train": {"epochs": 1}} | changes)
    code = dict.fromkeys(("", "net", "paper", "sgd"), "digest")
    plan = paper_plan(spec).model_copy(update={"code": code})
    return store.write(lambda session: sweeps.insert(session, spec, plan))


def test_a_point_that_another_sweep_has_trained_is_taken_over_and_the_next_one_asked_for(
    store: Store,
) -> None:
    first = train_all(store, submitted(store, max_trials=12))
    again = submitted(store, max_trials=18)
    trained: list[Trial] = []
    while (pack := store.write(lambda session: dispatch.fill(session, again))) is not None:
        trained += [trial for trial in trials_of(store, again) if trial.pack_id == pack.id]
        train(store, pack)
    found = trials_of(store, again)
    by_values = {(str(trial.values), trial.seed): trial.id for trial in first}
    reused = [trial for trial in found if trial.reused_from]
    assert len(found) == 18
    assert len(reused) >= 9, "the first points follow from the seed alone"
    assert all(trial.reused_from == by_values[str(trial.values), trial.seed] for trial in reused)
    assert {trial.number for trial in trained}.isdisjoint(trial.number for trial in reused)
    assert {trial.state for trial in found} == {TrialState.SUCCEEDED}


def test_nothing_is_taken_over_unless_that_is_wanted(sqlite_store: Store) -> None:
    train_all(sqlite_store, submitted(sqlite_store, max_trials=6))
    apart = submitted(sqlite_store, max_trials=6, reuse=False)
    fill(sqlite_store, apart)
    assert {trial.reused_from for trial in trials_of(sqlite_store, apart)} == {None}


def test_an_ask_that_is_all_reused_is_followed_by_a_few_more(sqlite_store: Store) -> None:
    train_all(sqlite_store, submitted(sqlite_store, points=POINTS, max_trials=20))
    again = submitted(sqlite_store, points=POINTS, max_trials=20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatch, "MAX_ASKS", 2)
        assert sqlite_store.write(lambda session: dispatch.fill(session, again)) is None
        assert len(trials_of(sqlite_store, again)) == 8, "two asks of four points"
    assert sqlite_store.write(lambda session: dispatch.fill(session, again)) is None
    assert {trial.state for trial in trials_of(sqlite_store, again)} == {TrialState.SUCCEEDED}
    sqlite_store.write(lambda session: sweeps.settle(session, again))
    assert row_of(sqlite_store, Sweep, again).state == SweepState.SUCCEEDED
