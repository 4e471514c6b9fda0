"""Dispatch: a bounded window, fairness, rows that stay, and messages that may fail."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from functools import partial

from paper_sweep import fill, report, row_of, take, trials_of, write_sweep
from pydantic import SecretStr
from sqlalchemy import update

from services import dispatch
from services.domain.retry import Failure
from services.host import HostDevice
from services.queue import Publisher
from services.settings import Settings
from services.store import devices, endings, packs
from services.store.models import Device, Pack, Sweep, Trial
from services.store.session import Store

FORTY = {"space": {"model.dropout": [i / 100 for i in range(40)]}}


@dataclass
class Pigeon(Publisher):
    """A publisher that remembers, and can be made to fail."""

    works: bool = True
    sent: list[str] = field(default_factory=list)

    def send(self, pack_id: str, kind: str) -> bool:
        self.sent += [pack_id] if self.works else []
        return self.works


def own(store: Store, *names: str, kind: str = "cpu") -> None:
    """Have a worker claim each of these devices."""
    for name in names:
        found = HostDevice("host", name, kind, name)
        assert store.write(lambda session, f=found: devices.claim(session, [f], "w", f.identity, 60))  # type: ignore[misc]


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


def test_an_old_message_is_repeated_because_redis_may_have_been_emptied(
    sqlite_store: Store, sqlite_settings: Settings
) -> None:
    write_sweep(sqlite_store)
    pigeon, hasty = Pigeon(), sqlite_settings.model_copy(update={"redispatch": 0.05})
    dispatch.dispatch(sqlite_store, pigeon, hasty)
    time.sleep(0.1)
    dispatch.dispatch(sqlite_store, pigeon, hasty)
    assert len(pigeon.sent) == 2
    assert len(set(pigeon.sent)) == 1


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


def test_a_redis_that_hangs_costs_seconds_not_for_ever(sqlite_settings: Settings) -> None:
    with socket.socket() as silent:  # accepts, and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = SecretStr(f"redis://:x@127.0.0.1:{silent.getsockname()[1]}/0")
        publisher = Publisher(sqlite_settings.model_copy(update={"redis_url": url}))
        started = time.monotonic()
        assert not publisher.send("pack", "cpu")
        assert time.monotonic() - started < 20


def test_a_redis_that_is_away_is_only_logged(sqlite_settings: Settings) -> None:
    assert not Publisher(sqlite_settings).send("pack", "cpu")


def test_survivors_of_two_packs_share_one_only_where_their_rows_differ(store: Store) -> None:
    sweep_id = write_sweep(store, **FORTY)
    for held in [take(store, fill(store, sweep_id)) for _ in range(2)]:
        why = {"message": "test"}
        store.write(partial(endings.give_up, held=held, failure=Failure.PREEMPTED, error=why))
    for pack in [fill(store, sweep_id) for _ in range(2)]:
        assert sorted(store.read(partial(packs.rows_of, pack_id=pack.id))) == list(range(10))
    assert len(trials_of(store, sweep_id)) == 20
