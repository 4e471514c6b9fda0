"""Each verb, one by one: what it does to packs and trials, and in which words it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from paper_sweep import TTL, fill, report, reports_of, row_of, take, trials_of, write_sweep
from sqlalchemy import text, update
from worker_process import wait_for

from services import dispatch
from services.domain.errors import NotFound, StateForbids
from services.domain.retry import Failure
from services.domain.states import TrialState
from services.store import checkpoints, endings, leases, sweep_verbs, sweeps, trial_verbs
from services.store.leases import Lease
from services.store.models import Checkpoint, Pack, Sweep, Trial
from services.store.reports import Saved
from services.store.session import Session, Store

DEPTHS = {"model.depth": [1, 2], "model.dropout": [0.0, 0.5]}  # two packs of two


def states(store: Store, sweep_id: str) -> list[str]:
    return [trial.state for trial in trials_of(store, sweep_id)]


def state(store: Store, sweep_id: str) -> str:
    return str(row_of(store, Sweep, sweep_id).state)


def saved(pack: Pack | Lease, epoch: int) -> Saved:
    name = pack.id if isinstance(pack, Pack) else pack.pack_id
    return Saved(epoch=epoch, path=f"packs/{name}/{epoch}", sha256="0" * 64, bytes=1)


def give_back(store: Store, held: Lease) -> None:
    error = {"kind": Failure.PREEMPTED, "message": "stopped"}
    store.write(lambda session: endings.give_up(session, held, Failure.PREEMPTED, error))


def finish(store: Store, held: Lease, ids: list[str], state: TrialState = TrialState.SUCCEEDED) -> None:
    for trial_id in ids:
        store.write(lambda session, i=trial_id: endings.end_trial(session, held, i, state))
    store.write(lambda session: endings.close(session, held, "over"))


def test_pause_withdraws_what_waits_and_asks_for_what_runs(store: Store) -> None:
    sweep_id = write_sweep(store, space=DEPTHS)
    running, waiting = fill(store, sweep_id), fill(store, sweep_id)
    held = take(store, running)
    store.write(lambda session: sweep_verbs.pause(session, sweep_id))
    assert state(store, sweep_id) == "paused"
    assert row_of(store, Pack, waiting.id).state == "withdrawn"
    assert states(store, sweep_id) == ["running", "running", "pending", "pending"]
    assert not store.write(lambda s: leases.take(s, Lease.new(waiting.id), "w", "d", TTL))
    assert store.write(lambda session: leases.renew(session, held, TTL)).sweep == "pause"
    give_back(store, held)
    assert states(store, sweep_id) == ["pending"] * 4
    assert [(t.crashes, t.losses, t.not_before <= store.now()) for t in trials_of(store, sweep_id)] == [
        (0, 0, True)
    ] * 4
    assert store.write(lambda session: dispatch.fill(session, sweep_id)) is None
    assert not store.write(lambda session: sweeps.settle(session, sweep_id))
    store.write(lambda session: sweep_verbs.resume(session, sweep_id))
    again = take(store, fill(store, sweep_id))
    assert store.write(lambda session: leases.renew(session, again, TTL)).sweep == "none"


def test_stop_finishes_what_has_begun_and_starts_nothing(store: Store) -> None:
    sweep_id = write_sweep(store, space=DEPTHS)
    held = take(store, fill(store, sweep_id))
    waiting = fill(store, sweep_id)
    store.write(lambda session: sweep_verbs.stop(session, sweep_id))
    assert states(store, sweep_id) == ["running", "running", "cancelled", "cancelled"]
    assert row_of(store, Pack, waiting.id).state == "withdrawn"
    give_back(store, held)  # what has begun and falls back is still finished
    assert sweep_id in [each.id for each in store.read(lambda session: sweeps.candidates(session, 9))]
    second = take(store, fill(store, sweep_id))
    finish(store, second, [trial.id for trial in trials_of(store, sweep_id)[:2]])
    assert store.write(lambda session: sweeps.settle(session, sweep_id))
    assert state(store, sweep_id) == "partial"


def test_stop_draws_nothing_new_and_leaves_the_begun_rows_of_a_queued_pack(store: Store) -> None:
    sweep_id = write_sweep(store, space=DEPTHS)
    give_back(store, take(store, fill(store, sweep_id)))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    fresh = update(Trial).where(Trial.id == ids[0]).values(started_at=None)
    store.write(lambda session: session.execute(fresh))
    pack = fill(store, sweep_id)
    store.write(lambda session: sweep_verbs.stop(session, sweep_id))
    assert states(store, sweep_id) == ["cancelled", "queued"]
    finish(store, take(store, pack), ids[1:])
    assert store.write(lambda session: dispatch.fill(session, sweep_id)) is None
    assert store.write(lambda session: sweeps.settle(session, sweep_id))
    assert (state(store, sweep_id), len(trials_of(store, sweep_id))) == ("partial", 2)


def test_a_sweep_stopped_before_it_began_is_cancelled(store: Store) -> None:
    sweep_id = write_sweep(store)
    store.write(lambda session: sweep_verbs.stop(session, sweep_id))
    assert store.write(lambda session: sweeps.settle(session, sweep_id))
    assert state(store, sweep_id) == "cancelled"


def test_what_a_worker_gave_back_while_the_cancel_was_written_is_cancelled(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    give_back(store, held)
    missed = update(Trial).where(Trial.sweep_id == sweep_id).values(state="pending", finished_at=None)
    store.write(lambda session: session.execute(missed))
    assert store.write(lambda session: sweeps.settle(session, sweep_id))
    assert set(states(store, sweep_id)) == {"cancelled"}


def test_retry_takes_up_what_failed_was_cancelled_or_never_drawn(store: Store) -> None:
    sweep_id = write_sweep(store, space=DEPTHS)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    error = {"kind": Failure.DIVERGED, "message": "nan"}
    store.write(lambda s: endings.end_trial(s, held, ids[0], TrialState.FAILED, failure=error))
    finish(store, held, ids[1:])
    store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    store.write(lambda session: sweeps.settle(session, sweep_id))
    assert (state(store, sweep_id), states(store, sweep_id)) == ("cancelled", ["failed", "succeeded"])
    store.write(lambda session: sweep_verbs.retry(session, sweep_id))
    sweep, first = row_of(store, Sweep, sweep_id), row_of(store, Trial, ids[0])
    assert (sweep.state, sweep.finished_at) == ("active", None)
    assert (first.state, first.failure, first.finished_at, first.attempts) == ("pending", None, None, 1)
    for _ in range(2):
        held = take(store, fill(store, sweep_id))
        finish(store, held, [t.id for t in trials_of(store, sweep_id) if t.pack_id == held.pack_id])
    store.write(lambda session: sweeps.settle(session, sweep_id))
    assert (state(store, sweep_id), states(store, sweep_id)) == ("succeeded", ["succeeded"] * 4)


def test_retry_of_one_trial_of_a_stopped_sweep_draws_no_other(store: Store) -> None:
    sweep_id = write_sweep(store, space=DEPTHS)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    store.write(lambda session: sweep_verbs.stop(session, sweep_id))
    finish(store, held, ids, TrialState.FAILED)
    store.write(lambda session: sweeps.settle(session, sweep_id))
    assert state(store, sweep_id) == "failed"
    store.write(lambda session: trial_verbs.retry(session, ids[1]))
    assert (state(store, sweep_id), states(store, sweep_id)) == ("stopping", ["failed", "pending"])
    finish(store, take(store, fill(store, sweep_id)), ids[1:])
    assert store.write(lambda session: dispatch.fill(session, sweep_id)) is None
    store.write(lambda session: sweeps.settle(session, sweep_id))
    assert (state(store, sweep_id), states(store, sweep_id)) == ("partial", ["failed", "succeeded"])


@pytest.mark.parametrize("pruned", [False, True])
def test_a_retried_trial_reports_each_epoch_once(store: Store, pruned: bool) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids, saved=saved(held, 1))
    report(store, held, 2, ids)
    before = {trial_id: [r.at for r in reports_of(store, trial_id)] for trial_id in ids}
    finish(store, held, ids, TrialState.CANCELLED)
    if pruned:
        for checkpoint in store.read(checkpoints.needless)[0]:
            assert store.write(lambda session, c=checkpoint: checkpoints.forget(session, c.id))
    store.write(lambda session: sweep_verbs.retry(session, sweep_id))
    pack = fill(store, sweep_id)
    assert pack.start_epoch == (0 if pruned else 1)
    held = take(store, pack)
    for epoch in range(pack.start_epoch + 1, 4):
        report(store, held, epoch, ids)
    finish(store, held, ids)
    for trial_id in ids:
        assert [r.epoch for r in reports_of(store, trial_id)] == [1, 2, 3]
        assert [r.at for r in reports_of(store, trial_id)][:2] == before[trial_id]


def test_a_trial_that_diverged_starts_anew_not_from_where_it_diverged(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids, saved=saved(held, 1))
    error = {"kind": Failure.DIVERGED, "message": "nan"}
    store.write(lambda s: endings.end_trial(s, held, ids[0], TrialState.FAILED, failure=error))
    store.write(lambda session: trial_verbs.retry(session, ids[0]))
    trial = row_of(store, Trial, ids[0])
    assert (trial.checkpoint_id, trial.saved_epoch, trial.epoch) == (None, 0, 1)


def test_prune_and_retry_exclude_each_other(postgres_url: str) -> None:
    """Whoever comes second sees what the first has done: no retried trial names a file that is gone."""
    store = Store(postgres_url)
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids, saved=saved(held, 1))
    finish(store, held, ids, TrialState.CANCELLED)
    [checkpoint], _ = store.read(checkpoints.needless)
    waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    with ThreadPoolExecutor() as other, Session(store.engine) as session:
        trial_verbs.retry(session, ids[0])
        forgotten = other.submit(store.write, lambda s: checkpoints.forget(s, checkpoint.id))
        wait_for(lambda: store.read(lambda s: s.execute(waits).scalar_one()) == 1, what="the other's wait")
        session.commit()
        assert not forgotten.result(timeout=5)
    assert store.read(lambda s: s.get_one(Checkpoint, checkpoint.id)).bytes == 1
    store.close()


def test_cancel_of_a_trial_that_waits_and_of_one_that_runs(store: Store) -> None:
    sweep_id = write_sweep(store, space=DEPTHS)
    running, waiting = fill(store, sweep_id), fill(store, sweep_id)
    held = take(store, running)
    first, _, third, fourth = [trial.id for trial in trials_of(store, sweep_id)]
    for trial_id in (first, third, fourth, first):
        store.write(lambda session, i=trial_id: trial_verbs.cancel(session, i))
    assert states(store, sweep_id) == ["running", "running", "cancelled", "cancelled"]
    assert row_of(store, Pack, waiting.id).state == "withdrawn"
    assert store.write(lambda session: leases.renew(session, held, TTL)).cancel_trials == {first}
    with pytest.raises(StateForbids, match="about to be cancelled"):
        store.write(lambda session: trial_verbs.retry(session, first))
    give_back(store, held)
    assert states(store, sweep_id)[:2] == ["cancelled", "pending"]
    assert not row_of(store, Trial, first).cancel


SWEEP_REFUSALS = {
    ("pause", "succeeded"): "sweep {} is succeeded; only an active sweep can be paused",
    ("pause", "stopping"): "sweep {} is stopping; only an active sweep can be paused",
    ("resume", "cancelling"): "sweep {} is cancelling; only a paused sweep can be resumed",
    ("stop", "failed"): "sweep {} is failed; only an active or paused sweep can be stopped",
    ("cancel", "partial"): "sweep {} is partial; only an active, paused or stopping sweep can be cancelled",
    ("retry", "paused"): (
        "sweep {} is paused; only an active, succeeded, partial, failed or cancelled sweep can be retried"
    ),
}


@pytest.mark.parametrize(("verb", "present"), SWEEP_REFUSALS)
def test_a_refusal_names_the_present_state_and_the_legal_ones(
    sqlite_store: Store, verb: str, present: str
) -> None:
    sweep_id = write_sweep(sqlite_store)
    sqlite_store.write(lambda s: s.execute(update(Sweep).values(state=present)))
    with pytest.raises(StateForbids) as refused:
        sqlite_store.write(lambda session: getattr(sweep_verbs, verb)(session, sweep_id))
    assert refused.value.detail == SWEEP_REFUSALS[verb, present].format(sweep_id)


def test_retry_of_a_sweep_that_has_everything(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    held = take(sqlite_store, fill(sqlite_store, sweep_id))
    finish(sqlite_store, held, [trial.id for trial in trials_of(sqlite_store, sweep_id)])
    sqlite_store.write(lambda session: sweeps.settle(session, sweep_id))
    with pytest.raises(StateForbids, match="each of its 4 trials has a result"):
        sqlite_store.write(lambda session: sweep_verbs.retry(session, sweep_id))
    first = trials_of(sqlite_store, sweep_id)[0].id
    for verb, words in (
        ("cancel", "pending, queued, running or held"),
        ("retry", "failed, cancelled or pruned"),
    ):
        with pytest.raises(StateForbids, match=f"trial {first} is succeeded; only a.* {words}"):
            sqlite_store.write(lambda s, verb=verb: getattr(trial_verbs, verb)(s, first))


@pytest.mark.parametrize(("present", "remedy"), [("paused", "resume it first"), ("cancelling", "wait until")])
def test_a_trial_is_not_retried_while_its_sweep_rests(sqlite_store: Store, present: str, remedy: str) -> None:
    sweep_id = write_sweep(sqlite_store)
    fill(sqlite_store, sweep_id)
    first = trials_of(sqlite_store, sweep_id)[0].id
    sqlite_store.write(lambda session: trial_verbs.cancel(session, first))
    sqlite_store.write(lambda s: s.execute(update(Sweep).values(state=present)))
    with pytest.raises(StateForbids, match=f"which is {present}; {remedy}.*active, stopping, succeeded"):
        sqlite_store.write(lambda session: trial_verbs.retry(session, first))


def test_nobody_has_that_name(sqlite_store: Store) -> None:
    for verb in (sweep_verbs.pause, sweep_verbs.retry, trial_verbs.cancel, trial_verbs.retry):
        with pytest.raises(NotFound):
            sqlite_store.write(lambda session, verb=verb: verb(session, "nobody"))


def test_a_trial_whose_checkpoint_is_of_its_last_epoch_starts_anew(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    held = take(sqlite_store, fill(sqlite_store, sweep_id))
    ids = [trial.id for trial in trials_of(sqlite_store, sweep_id)]
    last = row_of(sqlite_store, Trial, ids[0]).target_epoch
    for number in range(1, last + 1):
        report(sqlite_store, held, number, ids, saved=saved(held, number))
    for trial_id in ids:
        failure = {"kind": Failure.HOST, "message": "its best weights were not written"}
        sqlite_store.write(
            lambda s, one=trial_id, why=failure: endings.end_trial(  # type: ignore[misc]
                s, held, one, TrialState.FAILED, failure=why
            )
        )
    assert {trial.saved_epoch for trial in trials_of(sqlite_store, sweep_id)} == {last}
    sqlite_store.write(lambda session: sweep_verbs.retry(session, sweep_id))
    found = trials_of(sqlite_store, sweep_id)
    assert {(trial.saved_epoch, trial.checkpoint_id) for trial in found} == {(0, None)}


def test_retry_of_a_sweep_that_was_stopped_draws_what_was_never_drawn(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store, space=DEPTHS)
    held = take(sqlite_store, fill(sqlite_store, sweep_id))
    ids = [trial.id for trial in trials_of(sqlite_store, sweep_id)]
    sqlite_store.write(lambda session: sweep_verbs.stop(session, sweep_id))
    sqlite_store.write(lambda session: endings.end_trials(session, held, ids, TrialState.SUCCEEDED))
    sqlite_store.write(lambda session: endings.close(session, held, "done"))
    assert sqlite_store.write(lambda session: sweeps.settle(session, sweep_id))
    sqlite_store.write(lambda session: sweep_verbs.retry(session, sweep_id))
    assert state(sqlite_store, sweep_id) == "active"
    fill(sqlite_store, sweep_id)
    assert states(sqlite_store, sweep_id) == ["succeeded", "succeeded", "queued", "queued"]


def test_a_retry_waits_for_no_pause_of_the_attempts_before(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    held = take(sqlite_store, fill(sqlite_store, sweep_id))
    ids = [trial.id for trial in trials_of(sqlite_store, sweep_id)]
    sqlite_store.write(lambda session: endings.end_trials(session, held, ids, TrialState.FAILED))
    later = update(Trial).values(not_before=sqlite_store.now() + 60_000)
    sqlite_store.write(lambda session: session.execute(later))
    sqlite_store.write(lambda session: sweep_verbs.retry(session, sweep_id))
    fill(sqlite_store, sweep_id)
    assert set(states(sqlite_store, sweep_id)) == {"queued"}
