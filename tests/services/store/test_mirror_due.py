"""What is mirrored next: new sweeps first, points once all their trials are there, files of the ended."""

from __future__ import annotations

from functools import partial

from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import update

from benchmarks.tables import drawing
from services.domain.states import TrialState
from services.store import endings, mirror, mirror_due, sweep_verbs, sweeps
from services.store.left_out import LeftOut
from services.store.mirror import MirrorLease, TrialMark
from services.store.mirror_due import Turns
from services.store.models import MirrorSweep, Sweep, Trial
from services.store.session import Store


def change(store: Store, sweep_id: str, **values: object) -> None:
    statement = update(MirrorSweep).where(MirrorSweep.sweep_id == sweep_id).values(values)
    store.write(lambda session: session.execute(statement))


def test_sweeps_are_new_or_go_on_or_have_ended(store: Store) -> None:
    going, ended, new, failed, left_out = (write_sweep(store) for _ in range(5))
    for sweep_id in (going, ended):
        change(store, sweep_id, run_id=sweep_id)
    store.write(lambda session: sweep_verbs.cancel(session, ended))
    assert store.write(lambda session: sweeps.settle(session, ended))
    change(store, failed, not_before=store.now() + 60_000)
    change(store, left_out, left_out="failed")
    ids = [left_out, failed, ended, going, new]
    assert store.read(lambda session: mirror_due.turns(session, ids)) == Turns([new], [going], [ended])


def test_a_point_is_marked_when_all_its_trials_have_ended_and_are_there(store: Store) -> None:
    sweep_id = write_sweep(store, seeds=2, space={"model.dropout": [0.0, 0.5]})
    leased = []
    while len(trials_of(store, sweep_id)) < 4:
        leased.append(take(store, fill(store, sweep_id)))
    drawn = trials_of(store, sweep_id)
    held = {trial.id: next(each for each in leased if each.pack_id == trial.pack_id) for trial in drawn}
    for each in leased:
        report(store, each, 1, [trial.id for trial in drawn if trial.pack_id == each.pack_id])
    lease = MirrorLease(sweep_id, "one", 60.0)
    assert store.write(lambda session: mirror.take(session, lease))

    def marks() -> dict[str, bool]:
        sweep = store.read(lambda session: sweeps.get(session, sweep_id))
        found = store.read(lambda session: mirror_due.point_marks(session, sweep))
        return {mark.trial_id: mark.ended for mark in found}

    def mirrored(trial_id: str, state: str) -> None:
        for before in (0, 1):
            mark = TrialMark(trial_id, "r", before, epoch=1, state=state)
            store.write(partial(mirror.mark_trials, lease=lease, marks=[mark]))

    first, second = (trial.id for trial in drawn if trial.point == drawn[0].point)
    ended, failed = TrialState.SUCCEEDED, TrialState.FAILED
    store.write(lambda session: endings.end_trial(session, held[first], first, ended, failure=None))
    mirrored(first, ended)
    assert marks() == {}
    error = {"kind": "diverged", "message": "no number"}
    store.write(lambda session: endings.end_trial(session, held[second], second, failed, failure=error))
    mirrored(second, "running")
    assert marks() == {}  # MLflow does not have its end yet
    mirrored(second, failed)
    assert marks() == {first: True, second: True}
    sweep = store.read(lambda session: sweeps.get(session, sweep_id))
    for mark in store.read(lambda session: mirror_due.point_marks(session, sweep)):
        store.write(partial(mirror_due.mark_points, lease=lease, marks=[mark]))
    assert marks() == {}
    store.write(lambda session: sweep_verbs.retry(session, sweep_id))
    assert marks() == {first: False, second: False}


def test_a_point_is_open_while_a_replicate_is_not_drawn_and_closed_without_one_left_out(store: Store) -> None:
    sweep_id = write_sweep(store, seeds=2, space={"model.dropout": [0.0]})
    store.write(lambda session: drawing.draw(session, sweeps.lock(session, sweep_id), 1))
    lease = MirrorLease(sweep_id, "one", 60.0)
    assert store.write(lambda session: mirror.take(session, lease))

    def marks() -> list[tuple[str, bool]]:
        sweep = store.read(lambda session: sweeps.get(session, sweep_id))
        found = store.read(lambda session: mirror_due.point_marks(session, sweep))
        return [(mark.trial_id, mark.ended) for mark in found]

    def end(trial_id: str) -> None:
        ended = update(Trial).where(Trial.id == trial_id).values(state="succeeded", started_at=1)
        store.write(lambda session: session.execute(ended))

    first, second = f"{sweep_id}-0000", f"{sweep_id}-0001"
    end(first)
    there = TrialMark(first, "r", 0, 0, "succeeded")
    store.write(partial(mirror.mark_trials, lease=lease, marks=[there]))
    assert marks() == []  # its other replicate has not been drawn
    store.write(lambda session: drawing.draw(session, sweeps.lock(session, sweep_id), 1))
    end(second)
    assert marks() == []  # MLflow does not have its end
    store.write(lambda s: mirror.leave_out_trial(s, lease, second, LeftOut.REFUSED, "too long"))
    assert marks() == [(first, True)]  # and never will


def test_files_are_due_of_trials_that_were_chosen_and_whose_end_is_there(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    first, second, *_ = (trial.id for trial in trials_of(store, sweep_id))
    lease = MirrorLease(sweep_id, "one", 60.0)
    assert store.write(lambda session: mirror.take(session, lease))
    due = partial(mirror_due.trials_with_files, sweep_id=sweep_id)
    want = partial(mirror_due.want_files, lease=lease, trial_ids=[first, second])
    store.write(want)  # they have no runs
    for each in (first, second):
        store.write(lambda s, t=each: endings.end_trial(s, held, t, TrialState.SUCCEEDED))  # type: ignore[misc]
    mark = TrialMark(first, "r", 0, 0, TrialState.SUCCEEDED)
    store.write(partial(mirror.mark_trials, lease=lease, marks=[mark]))
    assert store.read(due) == []
    store.write(want)
    assert store.read(due) == [first]
    assert store.read(mirror_due.sweeps_with_files) == [sweep_id]
    store.write(lambda session: mirror_due.mark_files(session, lease, first, "no picture"))
    assert store.read(due) == store.read(mirror_due.sweeps_with_files) == []


def test_a_sweep_is_named_once_for_all_its_files_and_not_for_those_of_a_retried_trial(
    sqlite_store: Store,
) -> None:
    sweep_id = write_sweep(sqlite_store)
    ids = [trial.id for trial in _ended(sqlite_store, sweep_id)]
    lease = MirrorLease(sweep_id, "one", 60.0)
    assert sqlite_store.write(lambda session: mirror.take(session, lease))
    marks = [TrialMark(each, f"run-{each}", 0, 0, TrialState.FAILED) for each in ids[:3]]
    sqlite_store.write(partial(mirror.mark_trials, lease=lease, marks=marks))
    sqlite_store.write(partial(mirror_due.want_files, lease=lease, trial_ids=ids))
    assert sqlite_store.read(mirror_due.sweeps_with_files) == [sweep_id]
    assert sqlite_store.read(partial(mirror_due.trials_with_files, sweep_id=sweep_id)) == ids[:3]
    # As if it had been retried while its end was sent.
    again = update(Trial).where(Trial.id == ids[0]).values(state=TrialState.PENDING)
    sqlite_store.write(lambda session: session.execute(again))
    assert sqlite_store.read(partial(mirror_due.trials_with_files, sweep_id=sweep_id)) == ids[1:3]


def _ended(store: Store, sweep_id: str) -> list[Trial]:
    """The trials of a sweep's first pack, all failed."""
    held = take(store, fill(store, sweep_id))
    found = trials_of(store, sweep_id)
    ids = [trial.id for trial in found]
    store.write(lambda session: endings.end_trials(session, held, ids, TrialState.FAILED))
    return list(found)


def test_of_new_sweeps_the_oldest_comes_first(sqlite_store: Store) -> None:
    ids = sorted(write_sweep(sqlite_store) for _ in range(3))
    for age, sweep_id in zip((2, 3, 1), ids, strict=True):
        made = update(Sweep).where(Sweep.id == sweep_id).values(created_at=10_000 - age)
        sqlite_store.write(lambda session, one=made: session.execute(one))  # type: ignore[misc]
    turns = sqlite_store.read(lambda session: mirror_due.turns(session, ids))
    assert turns.new == [ids[1], ids[0], ids[2]]
