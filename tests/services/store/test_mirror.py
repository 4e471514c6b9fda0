"""What MLflow has of sweeps: who may export, what is behind, and that no export waits for dispatch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from paper_sweep import fill, report, take, trials_of, write_sweep
from sqlalchemy import delete, select, update

from services.domain.retry import Failure
from services.domain.states import TrialState
from services.store import endings, mirror, sweep_verbs, sweeps, trial_verbs
from services.store.leases import Lease
from services.store.left_out import LeftOut
from services.store.mirror import CORRECTED, MirrorLease, MirrorLeaseLost, TrialMark
from services.store.mirror_change import MirrorChange
from services.store.models import MirrorSweep, MirrorTrial, Pack, Sweep, Trial
from services.store.session import Session, Store

HERE = "1a2b3c4d"  # a digest of addresses


def lease(store: Store, sweep_id: str, owner: str = "one", ttl: float = 60.0) -> MirrorLease:
    """An export lease that has been taken."""
    asked = MirrorLease(sweep_id, owner, ttl)
    assert store.write(lambda session: mirror.take(session, asked))
    return asked


def mirrored(store: Store, trial_id: str) -> MirrorTrial:
    return store.read(lambda session: session.get_one(MirrorTrial, trial_id))


def catch_up(store: Store, held: MirrorLease) -> None:
    """End a round of mirroring in which everything was written."""
    seen = store.read(lambda session: mirror.changes(session, held.sweep_id))
    store.write(lambda session: mirror.forget_changes(session, held, seen))


def mark(store: Store, held: MirrorLease, trial_id: str, run_id: str, epoch: int = 1) -> None:
    """Store that a trial's run goes as far as an epoch, where nothing was there before."""
    marks = [TrialMark(trial_id, run_id, 0, epoch, "running")]
    store.write(lambda session: mirror.mark_trials(session, held, marks))


def train(store: Store, sweep_id: str, epochs: int = 1) -> list[str]:
    """Report some epochs of a sweep's first pack; its trials' ids."""
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    for number in range(1, 1 + epochs):
        report(store, held, number, ids)
    return ids


def test_a_sweep_has_one_exporter_until_it_lets_its_lease_expire_or_gives_it_back(store: Store) -> None:
    sweep_id = write_sweep(store)
    first = lease(store, sweep_id)
    second = MirrorLease(sweep_id, "two", 60.0)
    assert not store.write(lambda session: mirror.take(session, second))
    store.write(lambda session: mirror.release(session, second))  # not its own: nothing happens
    store.write(lambda session: mirror.keep(session, first))
    store.write(lambda session: mirror.take(session, MirrorLease(sweep_id, "one", -1.0)))
    assert store.write(lambda session: mirror.take(session, second))
    with pytest.raises(MirrorLeaseLost):
        store.write(lambda session: mirror.mark_sweep(session, first, "too late"))
    store.write(lambda session: mirror.release(session, second))
    assert store.write(lambda session: mirror.take(session, first))


def test_a_sweep_is_behind_until_its_state_its_addresses_and_its_trials_are_there(store: Store) -> None:
    sweep_id = write_sweep(store)
    behind = partial(mirror.behind, addresses=HERE)
    assert store.read(behind) == [sweep_id]
    held = lease(store, sweep_id)
    store.write(lambda session: mirror.mark_sweep(session, held, f"active:4711:{HERE}"))
    catch_up(store, held)
    assert store.read(behind) == []
    assert store.read(lambda session: mirror.behind(session, "elsewhere")) == [sweep_id]
    [first, *others] = train(store, sweep_id)
    catch_up(store, held)
    assert store.read(behind) == [sweep_id]  # its trials are not there yet
    assert store.read(lambda session: mirror.trials_behind(session, sweep_id)) == [first, *others]
    for trial_id in (first, *others):
        mark(store, held, trial_id, "r")
    assert store.read(lambda session: mirror.trials_behind(session, sweep_id)) == []
    store.write(lambda session: mirror.mark_sweep(session, held, f"active:4712:{HERE}"))
    assert store.read(behind) == [sweep_id]
    catch_up(store, held)
    assert store.read(behind) == []


def test_a_change_that_commits_while_a_sweep_is_mirrored_outlasts_that(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = lease(store, sweep_id)
    seen = store.read(lambda session: mirror.changes(session, sweep_id))
    store.write(lambda session: sweep_verbs.pause(session, sweep_id))
    store.write(lambda session: mirror.mark_sweep(session, held, f"active:4711:{HERE}"))
    store.write(lambda session: mirror.forget_changes(session, held, seen))
    assert store.read(lambda session: mirror.behind(session, HERE)) == [sweep_id]


def test_of_a_sweeps_changes_the_newest_is_kept_when_nobody_mirrors_it(store: Store) -> None:
    ids = [write_sweep(store), write_sweep(store)]
    for verb in (sweep_verbs.pause, sweep_verbs.resume):
        store.write(partial(verb, sweep_id=ids[0]))
    store.write(mirror.thin_changes)
    assert [len(store.read(partial(mirror.changes, sweep_id=sweep_id))) for sweep_id in ids] == [1, 1]
    assert sorted(store.read(lambda session: mirror.behind(session, HERE))) == sorted(ids)


@pytest.mark.parametrize(
    "change",
    ["submit", "pause", "take a pack", "report", "end a trial", "correct", "lose MLflow's data"],
)
def test_each_kind_of_change_is_noted(sqlite_store: Store, change: str) -> None:
    store = sqlite_store
    sweep_id = write_sweep(store)
    held = lease(store, sweep_id)

    def forget_all() -> None:
        store.write(lambda session: session.execute(delete(MirrorChange)))
        assert store.read(lambda session: mirror.behind(session, HERE)) == []

    if change == "pause":
        forget_all()
        store.write(lambda session: sweep_verbs.pause(session, sweep_id))
    elif change != "submit":
        pack = fill(store, sweep_id)
        forget_all()
        mine = take(store, pack)
        ids = [trial.id for trial in trials_of(store, sweep_id)]
        if change != "take a pack":
            forget_all()
            report(store, mine, 1, ids)
        if change not in ("take a pack", "report"):
            forget_all()
        if change == "end a trial":
            store.write(lambda s: endings.end_trial(s, mine, ids[0], TrialState.SUCCEEDED))
        elif change == "correct":
            report(store, mine, 1, ids, {"val/acc": 0.9, "train/loss": 0.1})
        elif change == "lose MLflow's data":
            store.write(lambda session: mirror.start_over(session, held))
    assert store.read(lambda session: mirror.behind(session, HERE)) == [sweep_id]


def test_what_is_left_out_is_not_behind_and_its_state_stays_what_it_was(store: Store) -> None:
    sweep_id = write_sweep(store)
    first = train(store, sweep_id)[0]
    held = lease(store, sweep_id)
    mark(store, held, first, "run-1", epoch=0)
    store.write(lambda session: mirror.leave_out_trial(session, held, first, LeftOut.REFUSED, "no"))
    assert first not in store.read(lambda session: mirror.trials_behind(session, sweep_id))
    assert (mirrored(store, first).left_out, mirrored(store, first).exported_state) == ("refused", "running")
    store.write(lambda session: mirror.leave_out_sweep(session, held, LeftOut.DELETED, "gone"))
    assert store.read(lambda session: mirror.behind(session, HERE)) == []


def test_a_correction_has_the_run_written_again_and_outlasts_the_export_that_it_met(store: Store) -> None:
    sweep_id = write_sweep(store)
    first, second = train(store, sweep_id)[:2]
    held = lease(store, sweep_id)
    store.write(lambda session: mirror.store_run(session, held, first, "run-1"))
    store.write(lambda session: mirror.correct(session, sweep_id, [first]))
    mark(store, held, first, "run-1")
    assert mirrored(store, first).exported_epoch == CORRECTED
    assert mirrored(store, second).exported_epoch == 0
    store.write(lambda session: mirror.store_run(session, held, first, "run-2"))
    assert (mirrored(store, first).run_id, mirrored(store, first).exported_epoch) == ("run-2", 0)


def test_starting_over_forgets_runs_but_not_what_is_left_out(store: Store) -> None:
    sweep_id, other = write_sweep(store), write_sweep(store)
    first = train(store, sweep_id)[0]
    elsewhere = train(store, other)[0]
    held, beside = lease(store, sweep_id), lease(store, other)
    store.write(lambda session: mirror.store_parent(session, held, "7", "run"))
    store.write(lambda session: mirror.mark_view(session, held))
    store.write(lambda session: mirror.leave_out_trial(session, held, first, LeftOut.DELETED, "gone"))
    store.write(lambda session: mirror.store_run(session, beside, elsewhere, "stays"))
    store.write(lambda session: mirror.start_over(session, held))
    sweep = store.read(lambda session: session.get_one(MirrorSweep, sweep_id))
    assert (sweep.experiment_id, sweep.run_id, sweep.view_saved) == (None, None, False)
    assert (mirrored(store, first).run_id, mirrored(store, first).left_out) == (None, "deleted")
    assert mirrored(store, elsewhere).run_id == "stays"


def test_an_export_writes_while_somebody_holds_the_sweep_and_its_trials(postgres_url: str) -> None:
    """Dispatch locks the sweep's row, verbs the trials': no export waits for them, nor they for an export."""
    store = Store(postgres_url)
    sweep_id = write_sweep(store)
    first = train(store, sweep_id)[0]
    asked = MirrorLease(sweep_id, "one", 60.0)

    def export() -> None:
        assert store.write(lambda session: mirror.take(session, asked))
        store.write(lambda session: mirror.store_parent(session, asked, "7", "run"))
        store.write(lambda session: mirror.store_run(session, asked, first, "run"))
        mark(store, asked, first, "run")
        store.write(lambda session: mirror.mark_sweep(session, asked, "active:…"))
        store.write(lambda session: mirror.mark_view(session, asked))
        store.write(lambda session: mirror.release(session, asked))

    with ThreadPoolExecutor() as exporter, Session(store.engine) as dispatching:
        sweeps.lock(dispatching, sweep_id)
        dispatching.execute(select(Trial.id).where(Trial.sweep_id == sweep_id).with_for_update())
        exporter.submit(export).result(timeout=10)
    assert mirrored(store, first).exported_epoch == 1
    store.close()


def test_a_transaction_notes_each_sweep_that_it_changes_once(sqlite_store: Store) -> None:
    sweep_ids = [write_sweep(sqlite_store) for _ in range(2)]

    def change(session: Session) -> None:
        for sweep_id in sweep_ids:
            for _ in range(3):
                mirror.changed(session, sweep_id)

    for rows in (2, 3):
        sqlite_store.write(change)
        for sweep_id in sweep_ids:
            found = sqlite_store.read(lambda session, one=sweep_id: mirror.changes(session, one))  # type: ignore[misc]
            assert len(found) == rows  # the first is of the submit


def test_the_end_of_a_retried_trial_is_written_anew_though_it_is_the_same(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    first, *_ = train(sqlite_store, sweep_id)
    pack_id = trials_of(sqlite_store, sweep_id)[0].pack_id
    token = sqlite_store.read(lambda session: session.get_one(Pack, pack_id).token)
    held = Lease(str(pack_id), str(token))
    sqlite_store.write(lambda session: endings.end_trial(session, held, first, TrialState.FAILED))
    export = lease(sqlite_store, sweep_id)
    marks = [TrialMark(first, "run", 0, 1, "failed")]
    sqlite_store.write(lambda session: mirror.mark_trials(session, export, marks))
    assert mirrored(sqlite_store, first).exported_state == "failed"
    sqlite_store.write(lambda session: trial_verbs.retry(session, first))
    assert mirrored(sqlite_store, first).exported_state is None


def test_a_trial_that_failed_is_behind_again_when_its_time_has_come(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    failed, *others = train(sqlite_store, sweep_id)
    held = lease(sqlite_store, sweep_id)
    for number, trial_id in enumerate(others):
        mark(sqlite_store, held, trial_id, f"run-{number}")
    sqlite_store.write(lambda session: mirror.mark_sweep(session, held, f"active:digest:{HERE}"))

    def try_after(not_before: int) -> None:
        values = {"failures": 1, "not_before": not_before}
        one = update(MirrorTrial).where(MirrorTrial.trial_id == failed).values(values)
        sqlite_store.write(lambda session: session.execute(one))

    try_after(sqlite_store.now() + 60_000)
    catch_up(sqlite_store, held)
    assert sqlite_store.read(lambda session: mirror.behind(session, HERE)) == []
    try_after(0)
    assert sqlite_store.read(lambda session: mirror.behind(session, HERE)) == [sweep_id]


def test_a_sweep_is_left_alone_only_while_nobody_mirrors_it(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    long_ago = sqlite_store.now() - 60_000

    def alone() -> bool:
        return sqlite_store.read(lambda session: mirror.is_left_alone(session, sweep_id, 30.0))

    assert not alone()  # it is new
    sqlite_store.write(lambda session: session.execute(update(Sweep).values(created_at=long_ago)))
    assert alone()
    held = lease(sqlite_store, sweep_id)
    assert not alone()
    sqlite_store.write(lambda session: mirror.release(session, held))
    assert alone()
    held = lease(sqlite_store, sweep_id)
    sqlite_store.write(lambda session: mirror.mark_sweep(session, held, f"active:digest:{HERE}"))
    sqlite_store.write(lambda session: mirror.release(session, held))
    assert not alone()  # MLflow has just taken something


def test_trials_that_train_are_sent_first_and_of_these_those_that_lack_most(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, train={"epochs": 9})
    ended, near, far, middle = train(sqlite_store, sweep_id, epochs=5)
    token = str(sqlite_store.read(lambda session: session.scalars(select(Pack.token)).one()))
    pack_id = str(sqlite_store.read(lambda session: session.scalars(select(Pack.id)).one()))
    sqlite_store.write(
        lambda session: endings.end_trial(session, Lease(pack_id, token), ended, TrialState.SUCCEEDED)
    )
    for trial_id, epoch in ((near, 4), (far, 0), (middle, 2)):
        there = update(MirrorTrial).where(MirrorTrial.trial_id == trial_id).values(exported_epoch=epoch)
        sqlite_store.write(lambda session, done=there: session.execute(done))  # type: ignore[misc]
    behind = sqlite_store.read(lambda session: mirror.trials_behind(session, sweep_id))
    assert behind == [far, middle, near, ended]


def test_a_pack_that_nobody_took_is_no_attempt(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    error = {"kind": Failure.PREEMPTED, "message": "stopped"}
    store.write(lambda session: endings.give_up(session, held, Failure.PREEMPTED, error))
    fill(store, sweep_id)
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    shown = store.read(lambda session: mirror.measured(session, ids))
    assert {each.pack.id for each in shown.values() if each.pack} == {held.pack_id}


def test_a_trial_that_never_ran_is_not_behind(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    fill(sqlite_store, sweep_id)
    sqlite_store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    assert {trial.state for trial in trials_of(sqlite_store, sweep_id)} == {"cancelled"}
    assert sqlite_store.read(lambda session: mirror.trials_behind(session, sweep_id)) == []


def test_runs_that_may_have_been_made_are_known_as_such_until_they_are_known_or_were_not(
    sqlite_store: Store,
) -> None:
    sweep_id = write_sweep(sqlite_store)
    ids = train(sqlite_store, sweep_id)
    held = lease(sqlite_store, sweep_id)

    def begin() -> set[str]:
        return sqlite_store.write(lambda session: mirror.begin(session, held, ids))

    assert begin() == set()
    sqlite_store.write(lambda session: mirror.store_run(session, held, ids[0], "run"))
    assert begin() == set(ids[1:])
    sqlite_store.write(lambda session: mirror.end_begun(session, held, ids))
    assert begin() == set()


@pytest.mark.parametrize("other", ["0", "f"])
def test_a_sweep_with_links_to_other_addresses_is_behind(sqlite_store: Store, other: str) -> None:
    sweep_id = write_sweep(sqlite_store)
    held = lease(sqlite_store, sweep_id)
    sqlite_store.write(lambda session: mirror.mark_sweep(session, held, "active:digest:8"))
    catch_up(sqlite_store, held)
    assert sqlite_store.read(lambda session: mirror.behind(session, "8")) == []
    assert sqlite_store.read(lambda session: mirror.behind(session, other)) == [sweep_id]
