"""The protocol, statement by statement: one lease, the fence, compare-and-set, replays, endings."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from paper_sweep import TTL, fill, report, reports_of, row_of, take, trials_of, write_sweep
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from services import dispatch
from services.domain.errors import Fenced, ServiceError
from services.domain.retry import Failure
from services.domain.states import TrialState
from services.store import checkpoints, endings, leases, packs, speeds, sweep_verbs, sweeps, trial_verbs
from services.store.leases import Lease
from services.store.models import MirrorTrial, Pack, Sweep, Trial
from services.store.reports import Saved
from services.store.session import Store


def saved(epoch: int) -> Saved:
    """A checkpoint's record."""
    return Saved(epoch=epoch, path=f"packs/x/{epoch}", sha256="0" * 64, bytes=1)


def expire(store: Store, held: Lease) -> None:
    """Let the lease's time run out."""
    store.write(
        lambda session: session.execute(update(Pack).where(Pack.id == held.pack_id).values(expires_at=0))
    )


def test_a_pack_is_leased_once_however_many_ask(store: Store) -> None:
    pack = fill(store, write_sweep(store))
    won: list[bool] = []

    def ask() -> None:
        held = Lease.new(pack.id)
        won.append(bool(store.write(lambda session: leases.take(session, held, "w", "d", TTL))))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


def test_asking_again_with_the_same_token_confirms_that_it_went_through(store: Store) -> None:
    pack = fill(store, write_sweep(store))
    held = take(store, pack)
    assert store.write(lambda session: leases.take(session, held, "worker", "d", TTL))
    assert not store.write(lambda session: leases.take(session, Lease.new(pack.id), "worker", "d", TTL))
    assert {trial.attempts for trial in trials_of(store, pack.sweep_id)} == {1}


def test_an_epoch_is_all_or_nothing(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids)
    with pytest.raises(ServiceError, match="report epoch 3"):
        report(store, held, 3, ids)
    assert {trial.epoch for trial in trials_of(store, sweep_id)} == {1}
    assert [r.epoch for r in reports_of(store, ids[0])] == [1]


def test_a_fenced_worker_writes_nothing(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    expire(store, held)
    assert store.write(lambda session: endings.reap(session, held.pack_id))
    second = take(store, fill(store, sweep_id))
    for act in (
        lambda: report(store, held, 1, ids),
        lambda: store.write(lambda session: leases.renew(session, held, TTL)),
        lambda: store.write(lambda s: endings.end_trial(s, held, ids[0], TrialState.SUCCEEDED)),
        lambda: store.write(lambda session: endings.give_up(session, held, Failure.CRASHED, {})),
        lambda: store.write(lambda session: endings.close(session, held, "over")),
    ):
        with pytest.raises(Fenced):
            act()
    report(store, second, 1, ids)
    assert [r.pack_id for r in reports_of(store, ids[0])] == [second.pack_id]


def test_expiry_alone_does_not_fence(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    expire(store, held)
    assert report(store, held, 1, [trial.id for trial in trials_of(store, sweep_id)])


def test_a_renewed_lease_is_not_reaped(store: Store) -> None:
    held = take(store, fill(store, write_sweep(store)))
    expire(store, held)
    store.write(lambda session: leases.renew(session, held, TTL))
    assert store.read(endings.expired) == []
    assert not store.write(lambda session: endings.reap(session, held.pack_id))


def test_a_replayed_epoch_keeps_its_first_time_and_is_corrected_where_it_differs(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids)
    before = {i: reports_of(store, i)[0].at for i in ids}
    store.write(lambda s: s.execute(update(MirrorTrial).values(exported_epoch=1)))
    same = {"val/acc": 0.51, "train/loss": 1.0}
    assert not report(store, held, 1, ids, dict.fromkeys(ids[1:], same) | {ids[0]: {**same, "val/acc": 0.9}})
    assert {i: reports_of(store, i)[0].at for i in ids} == before
    assert [reports_of(store, i)[0].metrics["val/acc"] for i in ids] == [0.9, 0.51, 0.51, 0.51]
    assert [trial.mirror.exported_epoch for trial in trials_of(store, sweep_id)] == [-1, 1, 1, 1]


def test_speeds_that_differ_in_a_replay_do_not_count(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids, {"val/acc": 0.5, "perf/images_per_s": 1.0})
    report(store, held, 1, ids, {"val/acc": 0.5, "perf/images_per_s": 2.0})
    assert {trial.mirror.exported_epoch for trial in trials_of(store, sweep_id)} == {0}


def test_nan_is_stored_by_name(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids, {"val/acc": float("nan"), "train/loss": float("inf")})
    assert reports_of(store, ids[0])[0].metrics == {"val/acc": "nan", "train/loss": "inf"}
    assert trials_of(store, sweep_id)[0].last_value is None


def test_a_lost_pack_resumes_from_its_checkpoint(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids, saved=saved(1))
    report(store, held, 2, ids)
    expire(store, held)
    store.write(lambda session: endings.reap(session, held.pack_id))
    pack = fill(store, sweep_id)
    assert (pack.start_epoch, row_of(store, Pack, held.pack_id).state) == (1, "lost")
    assert {trial.epoch for trial in trials_of(store, sweep_id)} == {2}


def test_a_damaged_checkpoint_falls_back_to_the_one_before_then_to_nothing(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    for epoch in (1, 2):
        report(store, held, epoch, ids, saved=saved(epoch))
    stands = []
    for _ in range(2):
        newest = trials_of(store, sweep_id)[0].checkpoint_id
        assert newest is not None
        store.write(partial(checkpoints.fall_back, checkpoint_id=newest, pack_id=held.pack_id))
        stands.append(
            {(trial.saved_epoch, trial.checkpoint_id is None) for trial in trials_of(store, sweep_id)}
        )
    assert stands == [{(1, False)}, {(0, True)}]


def test_cancel_wins_over_a_lost_lease(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    assert store.write(lambda session: leases.renew(session, held, TTL)).sweep == "cancel"
    expire(store, held)
    store.write(lambda session: endings.reap(session, held.pack_id))
    assert {trial.state for trial in trials_of(store, sweep_id)} == {"cancelled"}
    assert store.write(lambda session: sweeps.settle(session, sweep_id))
    assert row_of(store, Sweep, sweep_id).state == "cancelled"


def test_cancel_withdraws_what_is_queued(store: Store) -> None:
    sweep_id = write_sweep(store)
    pack = fill(store, sweep_id)
    store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    assert row_of(store, Pack, pack.id).state == "withdrawn"
    assert not store.write(lambda session: leases.take(session, Lease.new(pack.id), "w", "d", TTL))


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([TrialState.SUCCEEDED] * 4, "succeeded"),
        ([TrialState.SUCCEEDED, TrialState.FAILED, TrialState.FAILED, TrialState.FAILED], "partial"),
        ([TrialState.FAILED] * 4, "failed"),
    ],
)
def test_a_sweep_ends_as_its_trials_did(store: Store, ends: list[TrialState], expected: str) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    assert not store.write(lambda session: sweeps.settle(session, sweep_id))
    for trial, end in zip(trials_of(store, sweep_id), ends, strict=True):
        store.write(lambda s, t=trial.id, e=end: endings.end_trial(s, held, t, e))  # type: ignore[misc]
    store.write(lambda session: endings.close(session, held, "over"))
    assert store.write(lambda session: sweeps.settle(session, sweep_id))
    assert row_of(store, Sweep, sweep_id).state == expected


def test_a_pack_with_running_trials_cannot_close(store: Store) -> None:
    held = take(store, fill(store, write_sweep(store)))
    with pytest.raises(ServiceError, match="cannot close: 4"):
        store.write(lambda session: endings.close(session, held, "over"))


@pytest.mark.parametrize(
    "values", [{"state": "sleeping"}, {"state": "running"}, {"epoch": 99}, {"saved_epoch": 3}]
)
def test_the_database_refuses_impossible_trials(store: Store, values: dict[str, object]) -> None:
    sweep_id = write_sweep(store)
    pack = fill(store, sweep_id)
    store.write(lambda session: packs.withdraw(session, pack, "test"))
    with pytest.raises(IntegrityError):
        store.write(lambda s: s.execute(update(Trial).where(Trial.sweep_id == sweep_id).values(values)))


def test_a_wrong_token_is_fenced_even_while_the_pack_runs(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    with pytest.raises(Fenced):
        report(store, Lease(held.pack_id, "forged"), 1, [trial.id for trial in trials_of(store, sweep_id)])


def test_a_sweep_is_not_over_while_points_are_not_drawn(store: Store) -> None:
    sweep_id = write_sweep(store, space={"model.dropout": [i / 40 for i in range(20)]})
    held = take(store, fill(store, sweep_id))
    for trial in trials_of(store, sweep_id):
        store.write(partial(endings.end_trial, held=held, trial_id=trial.id, state=TrialState.SUCCEEDED))
    store.write(lambda session: endings.close(session, held, "over"))
    assert len(trials_of(store, sweep_id)) < 20
    assert not store.write(lambda session: sweeps.settle(session, sweep_id))


def test_an_ending_asked_for_again_after_a_lost_answer_is_the_same_ending(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    first = trials_of(store, sweep_id)[0].id
    for _ in range(2):
        store.write(lambda session: endings.end_trial(session, held, first, TrialState.SUCCEEDED))
    with pytest.raises(ServiceError, match="is not running"):
        store.write(lambda session: endings.end_trial(session, held, first, TrialState.FAILED))


def test_damage_seen_by_one_pack_leaves_another_packs_trials_where_it_expects_them(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    for epoch in (1, 2):
        report(store, held, epoch, ids, saved=saved(epoch))
    store.write(lambda session: endings.give_up(session, held, Failure.CRASHED, {"message": "test"}))
    one, other = fill(store, sweep_id), fill(store, sweep_id)
    newest = trials_of(store, sweep_id)[0].checkpoint_id
    assert newest is not None
    store.write(partial(checkpoints.fall_back, checkpoint_id=newest, pack_id=one.id))
    stands = {trial.pack_id: trial.saved_epoch for trial in trials_of(store, sweep_id)}
    assert stands == {one.id: 1, other.id: 2}


def test_success_leaves_no_word_of_earlier_failures(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    store.write(lambda session: endings.give_up(session, held, Failure.PREEMPTED, {"message": "stopped"}))
    assert {str(trial.failure) for trial in trials_of(store, sweep_id)} == {"None"}


def test_a_trial_that_must_wait_is_not_dispatched(store: Store) -> None:
    sweep_id = write_sweep(store, space={"model.dropout": [0.5]})
    held = take(store, fill(store, sweep_id))
    store.write(lambda session: endings.give_up(session, held, Failure.CRASHED, {"message": "test"}))
    assert trials_of(store, sweep_id)[0].crashes == 1
    assert store.write(lambda session: dispatch.fill(session, sweep_id)) is None


def test_a_running_pack_keeps_its_two_newest_checkpoints(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    for epoch in (1, 2, 3):
        report(store, held, epoch, ids, saved=saved(epoch))
    [needless], _ = store.read(checkpoints.needless)
    assert needless.epoch == 1
    assert store.write(partial(checkpoints.forget, checkpoint_id=needless.id))
    used = trials_of(store, sweep_id)[0].checkpoint_id
    assert used is not None
    assert not store.write(partial(checkpoints.forget, checkpoint_id=used))
    for trial_id in ids:
        store.write(partial(endings.end_trial, held=held, trial_id=trial_id, state=TrialState.SUCCEEDED))
    assert sorted(c.epoch for c in store.read(checkpoints.needless)[0]) == [2, 3]


def test_two_workers_that_measure_the_same_speed_lose_nothing(store: Store) -> None:
    failures: list[BaseException] = []

    def measure(number: int) -> None:
        try:
            for key in range(20):
                store.write(
                    partial(speeds.record, shape_key=str(key), machine="m", width=1, images_per_s=number)
                )
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=measure, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_no_trial_falls_back_to_a_file_that_was_written_when_it_had_left_the_pack(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids, saved=saved(1))
    store.write(lambda session: endings.end_trial(session, held, ids[0], TrialState.CANCELLED))
    report(store, held, 2, ids[1:], saved=saved(2))
    store.write(lambda session: trial_verbs.retry(session, ids[0]))
    again = take(store, fill(store, sweep_id))
    first = trials_of(store, sweep_id)[0].checkpoint_id
    assert first is not None
    store.write(partial(checkpoints.fall_back, checkpoint_id=first, pack_id=again.pack_id))
    trial = trials_of(store, sweep_id)[0]
    assert (trial.saved_epoch, trial.checkpoint_id) == (0, None)
