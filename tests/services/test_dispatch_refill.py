"""Refilling the window: a worker that finds no pack forms the next ones, takes one, and wakes idle ones."""

from __future__ import annotations

from functools import partial

import pytest
from paper_sweep import fill, row_of, take, trials_of, write_sweep
from sqlalchemy import event

from services import dispatch
from services.host import HostDevice
from services.queue import Publisher
from services.settings import Settings
from services.store import devices, leases, packs
from services.store.leases import PackToTrain
from services.store.models import Pack
from services.store.session import Session, Store

SPACE = {"model.dropout": [number / 100 for number in range(60)]}
DEVICES = [HostDevice("host", f"cpu:{number}", "cpu", "a slot") for number in range(2)]


class Messages(Publisher):
    """A publisher whose messages nobody takes."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, pack_id: str, kind: str) -> bool:
        self.sent.append(pack_id)
        return True

    def waiting(self, kind: str) -> int | None:
        return len(self.sent)


def own(store: Store, *claimed: HostDevice) -> None:
    """Have workers claim these devices."""
    for device in claimed:
        assert store.write(lambda s, each=device: devices.claim(s, [each], "w", each.identity, 60.0))  # type: ignore[misc]


def take_next(session: Session) -> PackToTrain | None:
    """Take the pack that comes next."""
    return leases.take_next(session, "token", "w", DEVICES[0], 60.0, "claim", "", None)


def begun_sweep(store: Store) -> str:
    """A sweep of which a pack has been trained."""
    sweep_id = write_sweep(store, space=SPACE)
    take(store, fill(store, sweep_id))
    return sweep_id


@pytest.mark.parametrize(("devices_alive", "messages"), [(1, 0), (2, 4)])
def test_a_worker_that_refills_the_window_wakes_others_only_where_some_are_idle(
    sqlite_store: Store, sqlite_settings: Settings, devices_alive: int, messages: int
) -> None:
    own(sqlite_store, *DEVICES[:devices_alive])
    write_sweep(sqlite_store, space=SPACE)
    publisher = Messages()
    assert dispatch.refill(sqlite_store, publisher, sqlite_settings, lambda session: None) is None
    assert len(sqlite_store.read(packs.queued)) == 2 * devices_alive
    assert len(publisher.sent) == messages


def test_the_packs_that_are_formed_are_taken_in_their_order(store: Store, settings: Settings) -> None:
    own(store, *DEVICES)
    sweep_id = begun_sweep(store)
    taken = dispatch.refill(store, Messages(), settings, take_next)
    assert taken
    assert [trial.row for trial in taken.trials] == list(range(10))
    assert [trial.id[-4:] for trial in taken.trials] == [f"{number:04d}" for number in range(10, 20)]
    waiting = sorted(store.read(packs.queued), key=lambda pack: pack.created_at)
    assert [len(store.read(partial(packs.rows_of, pack_id=pack.id))) for pack in waiting] == [10, 10]
    numbers = [trial.number for trial in trials_of(store, sweep_id) if trial.pack_id == waiting[0].id]
    assert numbers == list(range(20, 30))


def test_a_worker_for_whom_another_was_quicker_takes_what_that_has_formed(
    sqlite_store: Store, sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(sqlite_store, DEVICES[0])
    formed: list[Pack] = []
    sweep_id = begun_sweep(sqlite_store)
    candidates = dispatch.next_in_need

    def be_slower(session: Session, without: list[str]) -> dispatch.Turn | None:
        turn = candidates(session, without)
        if not formed:
            formed.append(fill(Store(str(sqlite_store.engine.url)), sweep_id))
        return turn

    monkeypatch.setattr(dispatch, "next_in_need", be_slower)
    publisher = Messages()
    taken = dispatch.refill(sqlite_store, publisher, sqlite_settings, take_next)
    assert taken
    assert taken.id == formed[0].id
    assert row_of(sqlite_store, Pack, taken.id).token == "token"
    assert publisher.sent == []


def test_packs_are_formed_by_as_many_statements_however_many_there_are_and_however_wide(store: Store) -> None:
    counts = []
    for device, points in zip(DEVICES, (2, 60), strict=True):
        own(store, device)
        sweep_id = write_sweep(store, space={"model.dropout": SPACE["model.dropout"][:points]})
        turn = store.read(dispatch.next_in_need)
        assert turn
        assert turn.candidate.id == sweep_id
        statements: list[str] = []
        note = partial(note_statement, statements)
        event.listen(store.engine, "before_cursor_execute", note)
        given = store.write(lambda session, t=turn: dispatch.give_place(session, t.candidate, alone=True))  # type: ignore[misc]
        event.remove(store.engine, "before_cursor_execute", note)
        counts.append(len(statements))
        for pack_id in given.packs:
            take(store, row_of(store, Pack, pack_id))
    assert counts[0] == counts[1] <= 11
    assert len(given.packs) == 3


def note_statement(statements: list[str], *given: object) -> None:
    """Keep a statement; one that is repeated for each of many rows counts for all of them."""
    many = given[3] if given[5] else [None]
    assert isinstance(many, list)
    statements.extend([str(given[2])] * len(many))
