"""Dispatch: a bounded window, fairness, rows that stay, and messages that may fail."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

import pytest
from paper_sweep import fill, report, row_of, take, trials_of, write_sweep
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError

from services import dispatch
from services.domain.retry import Failure
from services.domain.states import PackState, TrialState
from services.host import HostDevice
from services.queue import Publisher
from services.settings import Settings
from services.store import devices, endings, moves, packs, queue_order, set_aside, sweep_verbs, sweeps, window
from services.store.models import Device, Pack, Sweep, Trial
from services.store.session import Session, Store
from services.store.sweeps import Candidate

FORTY = {"space": {"model.dropout": [i / 100 for i in range(40)]}}


@dataclass
class Pigeon(Publisher):
    """A publisher that remembers, and can be made to fail."""

    works: bool = True
    sent: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # kinds of the messages that nobody has taken

    def send(self, pack_id: str, kind: str) -> bool:
        self.sent += [pack_id] if self.works else []
        self.kept += [kind] if self.works else []
        return self.works

    def waiting(self, kind: str) -> int | None:
        return self.kept.count(kind)


SLOT = HostDevice("host", "cpu:0", "cpu", "slot 0")


def own(store: Store, *names: str, kind: str = "cpu") -> None:
    """Have a worker claim each of these devices."""
    for name in names:
        found = HostDevice("host", name, kind, name)
        assert store.write(lambda session, f=found: devices.claim(session, [f], "w", f.identity, 60))  # type: ignore[misc]


def take_next(store: Store) -> Pack:
    """Have a worker take the pack that comes next."""
    found = store.read(lambda session: queue_order.next_for(session, SLOT, ""))
    assert found is not None
    pack = row_of(store, Pack, found.id)
    take(store, pack)
    return pack


def finish(store: Store, pack: Pack) -> None:
    """End all trials of a running pack, and the pack."""

    def end(session: Session) -> None:
        moves.move_trials_where(
            session, pack.sweep_id, TrialState.RUNNING, TrialState.SUCCEEDED, Trial.pack_id == pack.id
        )
        moves.move_packs_where(session, PackState.RUNNING, PackState.CLOSED, Pack.id == pack.id, outcome="x")

    store.write(end)


def kinds(store: Store) -> list[str]:
    """The kinds of device for which packs are queued."""
    return sorted(pack.kind for pack in store.read(packs.queued))


def test_the_window_is_twice_the_live_devices(sqlite_store: Store, sqlite_settings: Settings) -> None:
    sweep_id = write_sweep(sqlite_store, **FORTY)
    pigeon = Pigeon()
    assert dispatch.dispatch(sqlite_store, pigeon, sqlite_settings) == 2
    assert row_of(sqlite_store, Sweep, sweep_id).next_number == 20
    own(sqlite_store, "cpu:0", "cpu:1")
    assert dispatch.dispatch(sqlite_store, pigeon, sqlite_settings) == 2
    assert dispatch.dispatch(sqlite_store, pigeon, sqlite_settings) == 0
    assert len(set(pigeon.sent)) == 4


def test_one_round_fills_the_places_of_every_kind_of_device(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    own(sqlite_store, "cpu:0")
    own(sqlite_store, "GPU-1", kind="cuda")
    write_sweep(sqlite_store, space={"model.dropout": [i / 1000 for i in range(200)]})
    dispatch.dispatch(sqlite_store, Pigeon(), sqlite_settings)
    assert kinds(sqlite_store) == ["cpu", "cpu", "cuda", "cuda"]


def test_two_sweeps_share_the_window(sqlite_store: Store, sqlite_settings: Settings) -> None:
    first, second = (write_sweep(sqlite_store, **FORTY) for _ in range(2))
    dispatch.dispatch(sqlite_store, Pigeon(), sqlite_settings)
    assert {pack.sweep_id for pack in sqlite_store.read(packs.queued)} == {first, second}


def test_what_could_not_be_sent_is_sent_later_and_then_not_again(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    write_sweep(sqlite_store)
    pigeon = Pigeon(works=False)
    assert dispatch.dispatch(sqlite_store, pigeon, sqlite_settings) == 0
    pigeon.works = True
    assert dispatch.dispatch(sqlite_store, pigeon, sqlite_settings) == 1
    assert dispatch.dispatch(sqlite_store, pigeon, sqlite_settings) == 0


def test_a_message_is_repeated_only_where_redis_was_emptied(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    write_sweep(sqlite_store)
    pigeon, hasty = Pigeon(), sqlite_settings.model_copy(update={"redispatch": 0.05})
    for _ in range(3):
        dispatch.dispatch(sqlite_store, pigeon, hasty)
        time.sleep(0.1)
    assert len(pigeon.sent) == 1  # it is still there
    pigeon.kept.clear()
    dispatch.dispatch(sqlite_store, pigeon, hasty)
    assert pigeon.sent == [pigeon.sent[0]] * 2


def test_there_are_never_more_messages_than_queued_packs(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    """One that was withdrawn leaves its message behind: that wakes a worker for the next pack."""
    sweep_id = write_sweep(sqlite_store, **FORTY)
    pigeon, hasty = Pigeon(), sqlite_settings.model_copy(update={"redispatch": 0.01})
    dispatch.dispatch(sqlite_store, pigeon, hasty)
    for _ in range(3):
        for pack in sqlite_store.read(packs.queued):
            sqlite_store.write(partial(packs.withdraw, pack=pack, why="test"))
        dispatch.dispatch(sqlite_store, pigeon, hasty)
        time.sleep(0.02)
    assert len(sqlite_store.read(packs.queued)) == len(pigeon.kept) == 2
    assert row_of(sqlite_store, Sweep, sweep_id).next_number == 20


def test_a_small_sweep_begins_at_the_next_free_place(store: Store, settings: Settings) -> None:
    own(store, "cpu:0", "cpu:1")
    large = write_sweep(store, space={"model.dropout": [i / 200 for i in range(150)]})
    dispatch.dispatch(store, Pigeon(), settings)
    training = [take_next(store), take_next(store)]
    assert {pack.sweep_id for pack in training} == {large}
    small = write_sweep(store)
    dispatch.dispatch(store, Pigeon(), settings)
    assert sorted(pack.sweep_id for pack in store.read(packs.queued)) == sorted([large, small])
    finish(store, training[0])
    assert take_next(store).sweep_id == small


def test_equal_sweeps_get_equal_shares(sqlite_store: Store, sqlite_settings: Settings) -> None:
    store = sqlite_store
    own(store, "cpu:0", "cpu:1")
    ids = [write_sweep(store, **FORTY) for _ in range(3)]
    served: list[str] = []
    while len(served) < 12:
        dispatch.dispatch(store, Pigeon(), sqlite_settings)
        pack = take_next(store)
        served.append(pack.sweep_id)
        finish(store, pack)
        counts = [served.count(sweep_id) for sweep_id in ids]
        assert max(counts) - min(counts) <= 1
    assert sorted(counts) == [4, 4, 4]


def test_a_higher_priority_is_served_first_and_equals_share(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    store = sqlite_store
    own(store, "cpu:0")
    low, normal = write_sweep(store, priority=-10, **FORTY), write_sweep(store, **FORTY)
    dispatch.dispatch(store, Pigeon(), sqlite_settings)
    assert {pack.sweep_id for pack in store.read(packs.queued)} == {normal}
    high = write_sweep(store, priority=1)
    dispatch.dispatch(store, Pigeon(), sqlite_settings)
    assert sorted(p.sweep_id for p in store.read(packs.queued)) == sorted([high, normal])
    assert take_next(store).sweep_id == high
    dispatch.dispatch(store, Pigeon(), sqlite_settings)
    assert low not in {pack.sweep_id for pack in store.read(packs.queued)}


def test_a_sweep_whose_plan_cannot_be_read_stops_nobody(
    store: Store, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = write_sweep(store), write_sweep(store)
    set_plan = text("UPDATE sweeps SET plan = '{\"x\": 1}' WHERE id = :id")
    plan = row_of(store, Sweep, bad).plan
    store.write(lambda session: session.execute(set_plan, {"id": bad}))
    for _ in range(2):
        dispatch.dispatch(store, Pigeon(), settings)
    assert {pack.sweep_id for pack in store.read(packs.queued)} == {good}
    assert f"dispatch: the plan of sweep {bad} cannot be read" in str(row_of(store, Sweep, bad).set_aside)
    assert caplog.text.count(f"sweep {bad} is set aside") == 1
    assert row_of(store, Sweep, good).set_aside is None

    def mend(session: Session) -> None:
        sweep = session.get_one(Sweep, bad)
        sweep.plan, sweep.set_aside_at = plan, store.now() - 61_000

    store.write(mend)
    dispatch.dispatch(store, Pigeon(), settings)
    mended = row_of(store, Sweep, bad)
    assert (mended.set_aside, mended.set_aside_at, mended.next_number) == (None, None, 4)


def test_a_database_that_does_not_answer_sets_no_sweep_aside(sqlite_store: Store) -> None:
    sweep_id = write_sweep(sqlite_store)

    def fail(session: Session) -> None:
        raise OperationalError("SELECT 1", {}, OSError("connection refused"))

    with pytest.raises(OperationalError):
        set_aside.treat(sqlite_store, "dispatch", sweep_id, fail)
    assert row_of(sqlite_store, Sweep, sweep_id).set_aside is None


def test_a_trial_keeps_its_row_in_every_pack(store: Store) -> None:
    sweep_id = write_sweep(store, **FORTY)
    held = take(store, fill(store, sweep_id))
    before = {trial.id: trial.row for trial in trials_of(store, sweep_id)}
    assert sorted(before.values()) == list(range(10))
    error = {"message": "the runner died"}
    store.write(lambda session: endings.give_up(session, held, Failure.CRASHED, error))
    again = [fill(store, sweep_id), fill(store, sweep_id)]
    for pack in again:
        rows = store.read(lambda session, p=pack: packs.rows_of(session, p.id))  # type: ignore[misc]
        assert len(rows) == 5
        assert pack.width == 10
        assert all(before[trial.id] == row for row, trial in rows.items())


def test_trials_at_different_epochs_do_not_share_a_pack(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids)
    store.write(lambda session: endings.give_up(session, held, Failure.PREEMPTED, {"message": "test"}))
    store.write(lambda session: session.execute(update(Trial).where(Trial.id == ids[0]).values(epoch=0)))
    again = [fill(store, sweep_id), fill(store, sweep_id)]
    sizes = [len(store.read(partial(packs.rows_of, pack_id=pack.id))) for pack in again]
    assert sorted(sizes) == [1, 3]


def test_shapes_do_not_share_a_pack(store: Store) -> None:
    sweep_id = write_sweep(store, space={"model.depth": [2, 4], "model.dropout": [0.0, 0.5]})
    shapes = [
        {t.shape for t in store.read(lambda s: packs.rows_of(s, fill(store, sweep_id).id)).values()}
        for _ in range(2)
    ]
    assert shapes == [{0}, {1}]


def test_packs_go_to_the_kind_of_device_that_lives(sqlite_store: Store, sqlite_settings: Settings) -> None:
    write_sweep(sqlite_store)
    dispatch.dispatch(sqlite_store, Pigeon(), sqlite_settings)
    assert kinds(sqlite_store) == ["cpu"]
    own(sqlite_store, "GPU-1", kind="cuda")
    dispatch.dispatch(sqlite_store, Pigeon(), sqlite_settings)
    assert kinds(sqlite_store) == ["cuda"]
    assert sqlite_store.read(lambda s: s.query(Device).count()) == 1
    states = sqlite_store.read(lambda s: sorted(p.state for p in s.query(Pack)))
    assert states == ["queued", "withdrawn"]


def test_survivors_of_two_packs_share_one_only_where_their_rows_differ(store: Store) -> None:
    sweep_id = write_sweep(store, **FORTY)
    for held in [take(store, fill(store, sweep_id)) for _ in range(2)]:
        why = {"message": "test"}
        store.write(partial(endings.give_up, held=held, failure=Failure.PREEMPTED, error=why))
    for pack in [fill(store, sweep_id) for _ in range(2)]:
        assert sorted(store.read(partial(packs.rows_of, pack_id=pack.id))) == list(range(10))
    assert len(trials_of(store, sweep_id)) == 20


def test_a_sweep_that_gets_no_pack_leaves_the_places_of_this_round_to_the_next(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    bad, good = (write_sweep(sqlite_store, priority=priority, **FORTY) for priority in (1, 0))
    set_plan = text("UPDATE sweeps SET plan = '{}' WHERE id = :id")
    sqlite_store.write(lambda session: session.execute(set_plan, {"id": bad}))
    assert dispatch.dispatch(sqlite_store, Pigeon(), sqlite_settings) == 2
    assert {pack.sweep_id for pack in sqlite_store.read(packs.queued)} == {good}


def test_a_message_that_a_pack_has_left_behind_serves_one_other_pack(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    write_sweep(sqlite_store, **FORTY)
    pigeon = Pigeon(kept=["cpu"])
    assert dispatch.dispatch(sqlite_store, pigeon, sqlite_settings) == 1
    assert pigeon.kept == ["cpu", "cpu"]  # as many as queued packs
    assert sqlite_store.read(lambda session: packs.waiting(session, 100.0))[0].is_due is False


def test_a_sweep_of_which_nothing_waits_takes_no_place_from_another_one(sqlite_store: Store) -> None:
    own(sqlite_store, "cpu:0", "cpu:1")
    rich, poor = write_sweep(sqlite_store, **FORTY), write_sweep(sqlite_store)
    for _ in range(3):
        fill(sqlite_store, rich)
    sqlite_store.write(lambda session: sweep_verbs.cancel(session, poor))
    candidate = Candidate(poor, None, 0, 0, set_aside=False)
    assert sqlite_store.write(lambda session: dispatch.give_place(session, candidate)).packs == []
    assert len(sqlite_store.read(packs.queued)) == 3


def test_the_last_pack_of_a_shape_is_not_filled_up_with_trials_of_the_next(sqlite_store: Store) -> None:
    own(sqlite_store, *(f"cpu:{number}" for number in range(4)))
    points = {"model.depth": [2, 4], "model.dropout": [i / 40 for i in range(15)]}
    sweep_id = write_sweep(sqlite_store, space=points)

    def fill_all(session: Session) -> list[str]:
        sweep = sweeps.lock(session, sweep_id)
        return dispatch.fill_places(session, sweep, window.read(session), None)

    packed = sqlite_store.write(fill_all)
    shapes = [
        {trial.shape for trial in sqlite_store.read(partial(packs.rows_of, pack_id=pack_id)).values()}
        for pack_id in packed
    ]
    assert sorted(map(sorted, shapes)) == [[0]] * (len(packed) // 2) + [[1]] * (len(packed) // 2)
    assert row_of(sqlite_store, Sweep, sweep_id).next_number == 30


def test_nothing_is_sent_to_a_redis_that_does_not_answer(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try would take as long as the first, and all sweeps would wait for it."""
    write_sweep(sqlite_store)
    pigeon = Pigeon()
    monkeypatch.setattr(pigeon, "waiting", lambda kind: None)
    assert dispatch.dispatch(sqlite_store, pigeon, sqlite_settings) == 0
    assert pigeon.sent == []


def test_shares_that_cannot_be_more_equal_stay_as_they_are(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    own(sqlite_store, "cpu:0", "cpu:1")
    for _ in range(3):
        write_sweep(sqlite_store, **FORTY)
    dispatch.dispatch(sqlite_store, Pigeon(), sqlite_settings)
    dispatch.dispatch(sqlite_store, Pigeon(), sqlite_settings)
    held = Counter(pack.sweep_id for pack in sqlite_store.read(packs.queued))
    assert sorted(held.values()) == [1, 1, 2]
    formed = sqlite_store.read(lambda session: session.scalars(select(Pack)).all())
    assert len(formed) == 4  # none was withdrawn


def test_a_message_that_a_worker_took_with_it_is_sent_again_soon_to_a_device_that_idles(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    own(sqlite_store, "cpu:0")
    write_sweep(sqlite_store, **FORTY)
    pigeon = Pigeon()
    assert dispatch.dispatch(sqlite_store, pigeon, sqlite_settings) == 2
    pigeon.kept.clear()  # its workers have ended before they took a pack
    assert dispatch.dispatch(sqlite_store, pigeon, sqlite_settings) == 0
    ago = sqlite_store.now() - 6000
    sqlite_store.write(lambda session: session.execute(update(Pack).values(sent_at=ago)))
    assert dispatch.dispatch(sqlite_store, pigeon, sqlite_settings) == 2
    pigeon.kept.clear()
    take_next(sqlite_store)
    sqlite_store.write(lambda session: session.execute(update(Pack).values(sent_at=ago)))
    assert dispatch.dispatch(sqlite_store, pigeon, sqlite_settings) == 0


def test_a_sweep_for_which_another_was_quicker_takes_no_place_from_itself(sqlite_store: Store) -> None:
    own(sqlite_store, "cpu:0")
    sweep_id = write_sweep(sqlite_store, **FORTY)
    turn = sqlite_store.read(dispatch.next_in_need)
    assert turn is not None
    formed = [fill(sqlite_store, sweep_id) for _ in range(2)]
    given = sqlite_store.write(lambda s: dispatch.give_place(s, turn.candidate, turn.alone))
    assert (given.packs, given.withdrew) == ([], False)
    assert [row_of(sqlite_store, Pack, pack.id).state for pack in formed] == ["queued"] * 2
