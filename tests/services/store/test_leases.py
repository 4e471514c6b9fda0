"""Leases: taken once, renewed by their token alone, and what a heartbeat hears of the user's requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from paper_sweep import TTL, fill, row_of, take, trials_of, write_sweep
from sqlalchemy import event, update

from services.domain.errors import Fenced
from services.domain.retry import Failure
from services.host import HostDevice
from services.store import devices, endings, leases, sweep_verbs, trial_verbs
from services.store.leases import Lease, PackToTrain, Request, SweepRequest
from services.store.models import Pack, Sweep, Trial
from services.store.session import Session, Store


def test_a_pack_is_leased_once_and_its_trials_begin(store: Store) -> None:
    sweep_id = write_sweep(store)
    pack = fill(store, sweep_id)
    held = take(store, pack)
    assert store.write(lambda s: leases.take(s, held, "worker", "host/cpu:0", TTL))  # its answer was lost
    assert not store.write(lambda s: leases.take(s, Lease.new(pack.id), "other", "host/cpu:1", TTL))
    assert [(trial.state, trial.attempts) for trial in trials_of(store, sweep_id)] == [("running", 1)] * 4
    assert row_of(store, Sweep, sweep_id).started_at is not None
    assert row_of(store, Pack, pack.id).worker == "worker"


def test_a_fence_renews_the_lease_and_keeps_the_machine(store: Store) -> None:
    held = take(store, fill(store, write_sweep(store)), ttl=1.0)
    before = row_of(store, Pack, held.pack_id)
    store.write(lambda session: leases.renew(session, held, 500.0))
    store.write(lambda session: leases.set_machine(session, held, {"kind": "paper"}))
    after = row_of(store, Pack, held.pack_id)
    assert after.expires_at > before.expires_at + 400_000
    assert after.machine == {"kind": "paper"}
    with pytest.raises(Fenced):
        store.write(lambda session: leases.fence(session, Lease(held.pack_id, "forged")))


def test_a_heartbeat_returns_what_the_user_asks_for(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))

    def heard() -> Request:
        return store.write(lambda session: leases.renew(session, held, TTL))

    assert heard() == Request(SweepRequest.NONE, frozenset())
    first = trials_of(store, sweep_id)[0].id
    store.write(lambda session: trial_verbs.cancel(session, first))
    assert heard() == Request(SweepRequest.NONE, frozenset({first}))
    store.write(lambda session: sweep_verbs.pause(session, sweep_id))
    assert heard().sweep is SweepRequest.PAUSE
    store.write(lambda session: sweep_verbs.stop(session, sweep_id))
    assert heard().sweep is SweepRequest.NONE  # what has begun is finished
    store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    assert heard().sweep is SweepRequest.CANCEL


def test_the_fence_is_passed_once_in_a_transaction_and_again_in_the_next(store: Store) -> None:
    held = take(store, fill(store, write_sweep(store)))
    statements: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    def twice(session: Session) -> None:
        assert leases.fence(session, held) is leases.fence(session, held)

    for _ in range(2):
        store.write(twice)
    assert sum(statement.startswith("UPDATE packs") for statement in statements) == 2
    store.write(lambda session: session.execute(update(Pack).values(token="another's")))
    with pytest.raises(Fenced):
        store.write(twice)


def test_a_later_lease_changes_no_beginning(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)
    held = take(sqlite_store, fill(sqlite_store, sweep_id))
    long_ago = {"started_at": 1000}
    for table in (Sweep, Trial):
        sqlite_store.write(lambda session, one=table: session.execute(update(one).values(long_ago)))  # type: ignore[misc]
    error = {"kind": Failure.PREEMPTED, "message": "stopped"}
    sqlite_store.write(lambda session: endings.give_up(session, held, Failure.PREEMPTED, error))
    take(sqlite_store, fill(sqlite_store, sweep_id))
    assert row_of(sqlite_store, Sweep, sweep_id).started_at == 1000
    assert {trial.started_at for trial in trials_of(sqlite_store, sweep_id)} == {1000}


def test_the_fence_is_passed_anew_in_each_transaction_of_a_session(sqlite_store: Store) -> None:
    held = take(sqlite_store, fill(sqlite_store, write_sweep(sqlite_store)))
    with Session(sqlite_store.engine) as session:
        leases.fence(session, held)
        session.commit()
        sqlite_store.write(lambda other: other.execute(update(Pack).values(token="another's")))
        with pytest.raises(Fenced):
            leases.fence(session, held)


DEVICE, OTHER = (HostDevice("host", f"cpu:{number}", "cpu", "a slot") for number in range(2))


def claim_both(store: Store) -> None:
    """Have workers claim two devices, so that the window has places for four packs."""
    for device in (DEVICE, OTHER):
        assert store.write(lambda s, each=device: devices.claim(s, [each], "w", each.identity, TTL))  # type: ignore[misc]


def take_next(session: Session, token: str = "next", device: HostDevice = DEVICE) -> PackToTrain | None:
    """Have a worker take the pack that comes next."""
    return leases.take_next(session, token, "worker", device, TTL, "claim", "", None)


def test_the_next_pack_is_taken_unless_it_is_the_first_of_its_sweep(store: Store) -> None:
    space = {"model.dropout": [number / 100 for number in range(20)]}
    claim_both(store)
    sweep_id = write_sweep(store, space=space)
    first, second = fill(store, sweep_id), fill(store, sweep_id)
    assert store.write(take_next) is None
    take(store, first)
    gpu = HostDevice("host", "GPU-1", "cuda", "a GPU")
    assert store.write(lambda session: take_next(session, device=gpu)) is None
    urgent = fill(store, write_sweep(store, space=space, priority=1))
    assert store.write(take_next) is None  # the most urgent pack waits for its sweep's first lease
    take(store, urgent)
    taken = store.write(take_next)
    assert taken
    assert taken == store.read(lambda session: leases.to_train(session, second.id))
    pack = row_of(store, Pack, second.id)
    assert (pack.state, pack.token, pack.claim, pack.device) == ("running", "next", "claim", "host/cpu:0")
    assert store.write(take_next) is None


def test_a_next_pack_that_somebody_takes_just_now_is_passed_over(postgres_url: str) -> None:
    store = Store(postgres_url)
    claim_both(store)
    sweep_id = write_sweep(store, space={"model.dropout": [number / 100 for number in range(30)]})
    begun, second, third = (fill(store, sweep_id) for _ in range(3))
    take(store, begun)
    with ThreadPoolExecutor() as other, Session(store.engine) as worker:
        mine = take_next(worker)
        theirs = other.submit(store.write, partial(take_next, token="theirs")).result(timeout=5)
        worker.rollback()
    assert mine
    assert theirs
    assert (mine.id, theirs.id) == (second.id, third.id)
    store.close()
