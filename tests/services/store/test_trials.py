"""Trials: drawn once each in the plan's order, listed in pages, counted by shape."""

from __future__ import annotations

from functools import partial

import pytest
from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import update

from benchmarks.tables import drawing
from services.domain.errors import NotFound
from services.domain.retry import Failure
from services.store import endings, sweeps, trials
from services.store.models import Trial
from services.store.session import Session, Store
from services.store.trials import Epochs, Totals


def test_trials_are_drawn_once_each_and_as_the_plan_says(store: Store) -> None:
    sweep_id = write_sweep(store, seeds=2)

    def draw(session: Session) -> list[int]:
        return [trial.number for trial in drawing.draw(session, sweeps.lock(session, sweep_id), 3)]

    assert [store.write(draw) for _ in range(4)] == [[0, 1, 2], [3, 4, 5], [6, 7], []]
    plan = store.read(lambda session: sweeps.get(session, sweep_id)).plan
    for trial in trials_of(store, sweep_id):
        assert (trial.point, trial.replicate) == (
            plan.point_of(trial.number),
            plan.replicate_of(trial.number),
        )
        assert (trial.seed, trial.values) == (plan.seed_of(trial.number), plan.values(trial.point))
        assert (trial.state, trial.mirror.run_id) == ("pending", None)


def test_pages_go_by_number_and_show_some_states_or_one_point(store: Store) -> None:
    sweep_id = write_sweep(store)
    fill(store, sweep_id)
    store.write(
        lambda s: s.execute(update(Trial).where(Trial.number == 2).values(state="failed", pack_id=None))
    )

    def numbers(**filters: object) -> list[int]:
        found = store.read(partial(trials.page, sweep_id=sweep_id, limit=2, **filters))  # type: ignore[arg-type]
        return [trial.number for trial in found]

    assert (numbers(), numbers(after=1), numbers(after=3)) == ([0, 1], [2, 3], [])
    assert (numbers(states=["failed"]), numbers(point=3)) == ([2], [3])


def test_a_trial_that_is_not_there_is_named(sqlite_store: Store) -> None:
    with pytest.raises(NotFound, match="no trial 'nowhere-0001'"):
        sqlite_store.read(lambda session: trials.get(session, "nowhere-0001"))


def test_the_id_of_the_other_kind_is_explained(sqlite_store: Store) -> None:
    with pytest.raises(NotFound, match="no trial '3f8'; a trial's id is its sweep's and a number, such as "):
        sqlite_store.read(lambda session: trials.get(session, "3f8"))
    with pytest.raises(NotFound, match="no sweep '3f8-0001'; that is a trial's id, and its sweep's is 3f8"):
        sqlite_store.read(lambda session: sweeps.get(session, "3f8-0001"))


def test_epochs_are_counted_by_shape_and_a_trial_that_has_ended_has_none_left(store: Store) -> None:
    sweep_id, other = write_sweep(store), write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids)
    [target] = {trial.target_epoch for trial in trials_of(store, sweep_id)}
    found = store.read(partial(trials.totals, sweep_ids=[sweep_id, other]))
    assert found == {
        sweep_id: Totals({"running": 4}, {0: Epochs(4, 4 * (target - 1))}),
        other: Totals({}, {}),
    }
    store.write(lambda s: endings.give_up(s, held, Failure.SPEC, {"kind": Failure.SPEC, "message": "why"}))
    [ended] = store.read(partial(trials.totals, sweep_ids=[sweep_id])).values()
    assert ended == Totals({"failed": 4}, {0: Epochs(4, 0)})
