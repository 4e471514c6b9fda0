"""The ranking of points: whose mean counts, in which order, page by page, on each kind of database."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from paper_sweep import write_sweep
from sqlalchemy import event, insert

from services.domain.plan.repeats import Repeats
from services.domain.spec.objective import Objective
from services.domain.states import TrialState
from services.store import leaderboard, rankings
from services.store.leaderboard import RankedPoint, RankPosition, Replicate
from services.store.models import Trial
from services.store.session import Session, Store

ACC = Objective()
LOSS = Objective(metric="val/loss", at="last")
Value = float | None | tuple[float | None, TrialState]


def place(store: Store, sweep_id: str, trials: Mapping[int, Sequence[Value]], last: float = 0.0) -> None:
    """Write trials: point → a value, or a value and a state, for each replicate."""
    rows = [
        {
            "id": f"{sweep_id}-{point}-{replicate}",
            "sweep_id": sweep_id,
            "number": point * 100 + replicate,
            "point": point,
            "replicate": replicate,
            "seed": 0,
            "values": {"train.lr": point},
            "shape": 0,
            "width": 1,
            "row": 0,
            "state": value[1] if isinstance(value, tuple) else TrialState.SUCCEEDED,
            "target_epoch": 1,
            "best_value": value[0] if isinstance(value, tuple) else value,
            "last_value": last - point,
            "created_at": 0,
        }
        for point, values in trials.items()
        for replicate, value in enumerate(values)
    ]
    store.write(lambda session: session.execute(insert(Trial), rows))


def ranked(store: Store, sweep_id: str, objective: Objective, limit: int = 1000) -> list[int]:
    """Every point's number, read page by page."""
    numbers: list[int] = []
    after: RankPosition | None = None
    while True:

        def page(
            session: Session, after: RankPosition | None = after
        ) -> tuple[list[RankedPoint], RankPosition | None]:
            return rankings.page(session, sweep_id, objective, limit, after)

        found, after = store.read(page)
        assert len(found) <= limit
        numbers += [point.number for point in found]
        if after is None:
            return numbers


def test_the_order_is_value_then_failures_then_mean_then_number(store: Store) -> None:
    sweep_id = write_sweep(store)
    place(
        store,
        sweep_id,
        {
            0: [0.5, 0.75],
            1: [(None, TrialState.FAILED), (None, TrialState.FAILED)],
            2: [0.9, (0.9, TrialState.FAILED)],
            3: [(0.65, TrialState.PENDING), (None, TrialState.PENDING)],
            4: [(None, TrialState.PENDING)],
            5: [0.625, 0.625],
            6: [0.5, 0.76],
            7: [0.95, (None, TrialState.FAILED)],
        },
    )
    expected = [3, 6, 0, 5, 7, 2, 4, 1]
    assert ranked(store, sweep_id, ACC) == expected
    assert ranked(store, sweep_id, ACC, limit=1) == expected
    assert ranked(store, sweep_id, ACC, limit=3) == expected


def test_a_loss_ranks_upwards_and_by_the_last_value_where_that_is_asked(store: Store) -> None:
    sweep_id = write_sweep(store)
    place(store, sweep_id, {0: [0.9], 1: [0.1], 2: [0.5]}, last=9.0)
    assert ranked(store, sweep_id, LOSS) == [2, 1, 0]
    assert ranked(store, sweep_id, Objective(metric="val/loss")) == [1, 2, 0]
    assert ranked(store, sweep_id, Objective(at="last")) == [0, 1, 2]


def test_pages_are_the_order_cut_into_pieces(store: Store) -> None:
    """Many equal and many close means: nothing is shown twice and nothing is left out."""
    rng = random.Random(3)
    values = [0.1, 0.2, 0.30000000000000004, 0.3, None]
    trials = {point: [rng.choice(values) for _ in range(3)] for point in range(300)}
    sweep_id = write_sweep(store)
    place(store, sweep_id, trials)
    whole = ranked(store, sweep_id, ACC)
    assert sorted(whole) == list(range(300))
    assert ranked(store, sweep_id, ACC, limit=7) == whole


def test_a_long_page_is_read_in_statements_that_databases_accept(sqlite_store: Store) -> None:
    """PostgreSQL takes 65,535 parameters a statement, SQLite as few as 32,766."""
    sweep_id = write_sweep(sqlite_store)
    place(sqlite_store, sweep_id, {point: [point / 2**20] for point in range(2_500)})
    most = 0

    @event.listens_for(sqlite_store.engine, "before_cursor_execute")
    def count(_c: Any, _cursor: Any, _statement: str, parameters: Sequence[Any], *_: Any) -> None:
        nonlocal most
        most = max(most, len(parameters))

    assert ranked(sqlite_store, sweep_id, ACC, limit=20_000) == list(reversed(range(2_500)))
    assert most < 2_500


def test_values_beyond_arithmetic_count_as_none(store: Store) -> None:
    sweep_id = write_sweep(store)
    place(store, sweep_id, {0: [1.7e308, 1.7e308], 1: [-1.0, 1e120], 2: [1e120, -1e120]})
    assert ranked(store, sweep_id, ACC) == [1, 2, 0]
    [best] = store.read(lambda session: leaderboard.top(session, {sweep_id: ACC}, 1))[sweep_id]
    assert best.estimate(Repeats(2)).n == 2


def test_a_point_shows_its_mean_and_its_trials(store: Store) -> None:
    sweep_id = write_sweep(store)
    place(store, sweep_id, {4: [0.5, (0.7, TrialState.FAILED), (None, TrialState.PENDING)]})
    [point], _ = store.read(lambda session: rankings.page(session, sweep_id, ACC, 10))
    assert (point.number, point.values) == (4, {"train.lr": 4})
    assert [trial.replicate for trial in point.replicates] == [0, 1, 2]
    assert [trial.value for trial in point.replicates] == [0.5, 0.7, None]
    assert [trial.state for trial in point.replicates] == ["succeeded", "failed", "pending"]
    found = point.estimate(Repeats(3))
    assert found.mean == pytest.approx(0.6)
    assert found.note == (
        "2 of 3 seeds have a value; from two values the width is a rough guess; 1 of 3 trials failed"
    )


def test_the_best_of_several_sweeps_each_by_its_own_objective(store: Store) -> None:
    by_acc, by_loss, empty = (write_sweep(store) for _ in range(3))
    for sweep_id in (by_acc, by_loss):
        place(store, sweep_id, {0: [0.9], 1: [0.3], 2: [None]}, last=9.0)
    place(store, empty, {0: [None], 1: [(None, TrialState.FAILED)]})
    objectives = {by_acc: ACC, by_loss: LOSS, empty: ACC}
    best = store.read(lambda session: leaderboard.top(session, objectives, 2))
    assert {sweep: [point.number for point in found] for sweep, found in best.items()} == {
        by_acc: [0, 1],
        by_loss: [2, 1],
        empty: [],
    }
    assert [point.replicates[0].value for point in best[by_loss]] == [7.0, 8.0]


def test_the_best_two_are_compared_over_common_replicates(store: Store) -> None:
    sweep_id = write_sweep(store)
    place(store, sweep_id, {0: [0.5, 0.7, 0.9], 1: [0.4, None, 0.79], 2: [0.1]})
    best = store.read(lambda session: leaderboard.top(session, {sweep_id: ACC}, 2))[sweep_id]
    found = leaderboard.comparison(best, ACC, Repeats(3))
    assert found is not None
    assert (found.best, found.runner_up, found.n) == (0, 1, 2)
    assert found.difference == pytest.approx(0.105)
    assert leaderboard.comparison(best[:1], ACC, Repeats(3)) is None


def test_the_best_trial_of_a_point_has_not_failed_if_another_has_a_value() -> None:
    def trial(number: int, value: float | None, state: str = "succeeded") -> Replicate:
        return Replicate(f"t{number}", number, number, state, value, 1, None)

    trials = [trial(0, 0.5), trial(1, 0.7), trial(2, 0.9, "failed"), trial(3, None), trial(4, 0.7)]
    point = RankedPoint("s", 0, 0, {}, trials)
    assert point.best_trial("maximize").id == "t1"
    assert point.best_trial("minimize").id == "t0"


def test_the_winner_is_the_best_trial_of_the_best_point(store: Store) -> None:
    sweep_id = write_sweep(store)
    assert store.read(lambda s: leaderboard.winner(s, sweep_id, ACC)) is None
    place(store, sweep_id, {0: [0.9, 0.1], 1: [0.6, 0.7]})
    assert store.read(lambda s: leaderboard.winner(s, sweep_id, ACC)) == f"{sweep_id}-1-1"
