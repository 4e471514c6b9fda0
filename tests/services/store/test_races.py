"""Races: later seeds wait, and go only to points that may still be the best."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from paper_sweep import report, take, trials_of, write_sweep

from services import dispatch
from services.domain.errors import SpecError
from services.domain.states import TrialState
from services.store import endings, rung_decisions, rungs, sweep_verbs, sweeps
from services.store.models import Trial
from services.store.session import Session, Store

POINTS = {"model.dropout": [0.0, 0.1, 0.2, 0.3]}


def write_race(store: Store, **changes: object) -> str:
    return write_sweep(store, space=POINTS, seeds=5, race=True, train={"epochs": 1}, **changes)


def train_all(store: Store, sweep_id: str, value: Callable[[Trial], float]) -> None:
    """Train every pack that can be formed to its end."""
    while (pack := store.write(lambda s: dispatch.fill(s, sweep_id))) is not None:
        held = take(store, pack)
        mine = [trial for trial in trials_of(store, sweep_id) if trial.pack_id == pack.id]
        report(store, held, 1, [trial.id for trial in mine])

        def end(session: Session, held: object = held, mine: list[Trial] = mine) -> None:
            for trial in mine:
                session.get_one(Trial, trial.id).best_value = value(trial)
            ids = [trial.id for trial in mine]
            endings.end_trials(session, held, ids, TrialState.SUCCEEDED, failure=None)  # type: ignore[arg-type]
            endings.close(session, held, "reached the end")  # type: ignore[arg-type]

        store.write(end)


def close_race(trial: Trial) -> float:
    """Two points are close, the others far behind."""
    noise = 0.01 * math.sin(7 * trial.point + 3 * trial.replicate)
    return (0.9 if trial.point < 2 else 0.4) + noise


def by_replicate(store: Store, sweep_id: str, state: str) -> list[tuple[int, int]]:
    return sorted((t.replicate, t.point) for t in trials_of(store, sweep_id) if t.state == state)


def test_the_first_three_seeds_train_and_the_others_wait(sqlite_store: Store) -> None:
    sweep_id = write_race(sqlite_store)
    train_all(sqlite_store, sweep_id, close_race)
    assert len(by_replicate(sqlite_store, sweep_id, "succeeded")) == 4 * 3
    held = [trial for trial in trials_of(sqlite_store, sweep_id) if trial.state == "held"]
    assert [(t.replicate, t.until_epoch, t.width, t.row) for t in held] == [
        *[(3, 0, None, None)] * 4,
        *[(4, 0, None, None)] * 4,
    ]


def test_more_seeds_go_to_two_points_only(sqlite_store: Store) -> None:
    sweep_id = write_race(sqlite_store)
    for _ in range(3):
        train_all(sqlite_store, sweep_id, close_race)
        rungs.decide_all(sqlite_store)
    trained = by_replicate(sqlite_store, sweep_id, "succeeded")
    assert trained == [*((r, p) for r in range(3) for p in range(4)), (3, 0), (3, 1), (4, 0), (4, 1)]
    pruned = [trial for trial in trials_of(sqlite_store, sweep_id) if trial.state == "pruned"]
    assert {(t.point, t.epoch) for t in pruned} == {(2, 0), (3, 0)}
    assert pruned[0].stopped == {
        "rule": "race",
        "reason": "after 3 seeds it is worse than the best one, beyond the 95 % interval, "
        "or has fewer than two values",
    }
    decisions = sqlite_store.read(lambda s: rung_decisions.of_sweep(s, sweep_id))
    assert [(each.cohort, each.epoch, sorted(each.kept)) for each in decisions] == [
        (-3, 0, [0, 1]),
        (-4, 0, [0, 1]),
    ]
    assert sqlite_store.write(lambda s: sweeps.settle(s, sweep_id))


def test_no_seed_is_spent_where_the_best_is_known(sqlite_store: Store) -> None:
    sweep_id = write_race(sqlite_store)
    train_all(sqlite_store, sweep_id, lambda trial: trial.point / 10 + trial.replicate * 1e-6 * trial.point)
    assert rungs.decide_all(sqlite_store) == 8
    assert len(by_replicate(sqlite_store, sweep_id, "pruned")) == 8


def test_nothing_is_released_while_a_trial_trains(sqlite_store: Store) -> None:
    sweep_id = write_race(sqlite_store)
    first = sqlite_store.write(lambda s: dispatch.fill(s, sweep_id))
    assert first is not None
    take(sqlite_store, first)
    train_all(sqlite_store, sweep_id, close_race)
    assert rungs.decide_all(sqlite_store) == 0


def test_stop_ends_the_race(sqlite_store: Store) -> None:
    sweep_id = write_race(sqlite_store)
    train_all(sqlite_store, sweep_id, close_race)
    sqlite_store.write(lambda session: sweep_verbs.stop(session, sweep_id))
    assert len(by_replicate(sqlite_store, sweep_id, "cancelled")) == 8


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": 3}, "so seeds must be at least 4; got 3"),
    ],
)
def test_what_is_refused(sqlite_store: Store, changes: dict[str, int], words: str) -> None:
    with pytest.raises(SpecError) as refused:
        write_sweep(sqlite_store, space=POINTS, race=True, **changes)
    (problem,) = refused.value.problems
    assert problem.pointer == "/race"
    assert words in problem.detail
