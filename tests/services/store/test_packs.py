"""Packs: what they hold, when they are announced again, and what becomes of one that is withdrawn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from paper_sweep import fill, row_of, take, trials_of, write_sweep
from sqlalchemy import update

from services import dispatch
from services.domain.plan.plan import Segment
from services.domain.retry import Failure
from services.host import HostDevice
from services.store import devices, endings, leases, packs
from services.store.leases import Lease
from services.store.models import Pack, PackRow
from services.store.session import Session, Store


def age(store: Store, pack: Pack, seconds: float, sends: int) -> None:
    """Have a pack's last message be so old."""
    values = {"sent_at": store.now() - int(seconds * 1000), "sends": sends}
    store.write(lambda session: session.execute(update(Pack).where(Pack.id == pack.id).values(values)))


def is_unsent(store: Store) -> bool:
    return any(pack.is_due for pack in store.read(lambda session: packs.waiting(session, 10.0)))


def test_a_pack_holds_trials_by_row_and_its_history_outlives_it(store: Store) -> None:
    sweep_id = write_sweep(store)
    pack = fill(store, sweep_id)
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    rows = store.read(partial(packs.rows_of, pack_id=pack.id))
    assert {row: trial.id for row, trial in rows.items()} == dict(enumerate(ids))
    store.write(lambda session: packs.withdraw(session, pack, "test"))
    assert store.read(partial(packs.rows_of, pack_id=pack.id)) == {}
    again = fill(store, sweep_id)
    attempts = store.read(partial(packs.attempts, trial_id=ids[1]))
    assert [(row, each.id, each.state) for row, each in attempts] == [
        (1, pack.id, "withdrawn"),
        (1, again.id, "queued"),
    ]


def test_a_running_pack_is_not_withdrawn(store: Store) -> None:
    sweep_id = write_sweep(store)
    pack = fill(store, sweep_id)
    take(store, pack)
    store.write(lambda session: packs.withdraw(session, pack, "too late"))
    assert row_of(store, Pack, pack.id).state == "running"
    assert {trial.state for trial in trials_of(store, sweep_id)} == {"running"}


def test_each_message_about_a_pack_may_be_older_than_the_one_before_up_to_a_limit(store: Store) -> None:
    pack = fill(store, write_sweep(store))
    assert is_unsent(store)
    store.write(partial(packs.mark_sent, pack_ids=[pack.id]))
    assert not is_unsent(store)
    expected = {
        (11, 1): True,
        (9, 1): False,
        (19, 2): False,
        (21, 2): True,
        (161, 99): True,
        (159, 99): False,
    }
    for (seconds, sends), unsent in expected.items():
        age(store, pack, seconds, sends)
        assert is_unsent(store) is unsent, (seconds, sends)


def test_room_is_made_only_on_a_device_that_can_serve_the_sweep_in_need(sqlite_store: Store) -> None:
    for kind, plugins in (("cpu", ""), ("cuda", "digest")):
        device = HostDevice("host", kind, kind, kind)
        sqlite_store.write(partial(claim, device=device, plugins=plugins))
    pack = fill(sqlite_store, write_sweep(sqlite_store))
    kinds = {pack.kind}

    def withdrawable(plugins: str | None) -> set[str]:
        found = sqlite_store.read(lambda session: packs.withdrawable(session, plugins, 0, 1))
        return {found.kind} if found else set()

    assert withdrawable(None) == kinds
    assert withdrawable("digest") == kinds & {"cuda"}
    assert withdrawable("another") == set()


def claim(session: Session, device: HostDevice, plugins: str) -> None:
    """Have a worker with these plug-ins claim a device."""
    assert devices.claim(session, [device], "worker", device.identity, 60.0, plugins)


def test_a_pack_that_somebody_takes_just_now_is_not_waited_for(postgres_url: str) -> None:
    """A worker that ends one pack and takes another would wait for the lock: a deadlock of a second."""
    store = Store(postgres_url)
    sweep_id = write_sweep(store, space={"model.dropout": [number / 100 for number in range(20)]})
    taken, free = fill(store, sweep_id), fill(store, sweep_id)
    with ThreadPoolExecutor() as other, Session(store.engine) as worker:
        assert leases.take(worker, Lease.new(taken.id), "worker", "host/cpu:0", 60.0)
        mark = partial(packs.mark_sent, pack_ids=[taken.id, free.id])
        other.submit(store.write, mark).result(timeout=5)
        worker.rollback()
    assert [row_of(store, Pack, pack.id).sends for pack in (taken, free)] == [0, 1]
    store.close()


def test_what_was_trained_again_elsewhere_counts_in_its_last_place(store: Store) -> None:
    sweep_id = write_sweep(store)
    first = fill(store, sweep_id)
    lease = take(store, first)
    error = {"message": "gathered anew"}
    store.write(lambda s: endings.give_up(s, lease, Failure.PREEMPTED, error, regather=True))
    trial = trials_of(store, sweep_id)[1]
    second = store.write(lambda s: dispatch.fill(s, sweep_id))
    assert second is not None
    # As if it had been placed otherwise.
    moved = PackRow.pack_id == second.id, PackRow.trial_id == trial.id
    store.write(lambda s: s.execute(update(PackRow).where(*moved).values(row=7)))
    take(store, second)
    assert store.read(partial(packs.segments, trial_id=trial.id, until=3)) == [
        Segment(until=3, width=second.width, row=7)
    ]
