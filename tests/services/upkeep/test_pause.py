"""The chore that pauses sweeps whose attempts lead nowhere."""

from __future__ import annotations

import pytest
from paper_sweep import fill, row_of, trials_of, write_sweep
from sqlalchemy import update

from services.domain.retry import MAX_FRUITLESS, Failure
from services.store import endings, fruitless
from services.store.leases import Lease, take
from services.store.models import Sweep, Trial
from services.store.session import Session, Store
from services.upkeep.pause import pause


def give_back_in_vain(store: Store, sweep_id: str, times: int) -> None:
    """Lease a pack and give it back, so many times."""
    error = {"kind": Failure.PREEMPTED, "message": "stopped"}
    for _ in range(times):
        store.write(lambda session: session.execute(update(Trial).values(not_before=0)))
        held = Lease.new(fill(store, sweep_id).id)
        assert store.write(lambda session, h=held: take(session, h, "worker", "device", 60.0))  # type: ignore[misc]
        store.write(lambda s, h=held: endings.give_up(s, h, Failure.PREEMPTED, error))  # type: ignore[misc]


def test_a_sweep_is_paused_after_its_last_attempt_and_not_before(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    sweep_id, other = write_sweep(sqlite_store), write_sweep(sqlite_store)
    give_back_in_vain(sqlite_store, sweep_id, MAX_FRUITLESS - 1)
    assert pause(sqlite_store) == 0
    give_back_in_vain(sqlite_store, sweep_id, 1)
    assert pause(sqlite_store) == 1
    assert pause(sqlite_store) == 0
    assert [row_of(sqlite_store, Sweep, each).state for each in (sweep_id, other)] == ["paused", "active"]
    assert f"sweep {sweep_id} does not go on: 10 attempts in a row at trial 0" in caplog.text
    assert {trial.state for trial in trials_of(sqlite_store, sweep_id)} == {"pending"}


def test_a_sweep_that_cannot_be_paused_stops_no_other(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ids = sorted([write_sweep(sqlite_store), write_sweep(sqlite_store)])
    for sweep_id in ids:
        give_back_in_vain(sqlite_store, sweep_id, MAX_FRUITLESS)
    halt = fruitless.halt

    def fails_once(session: Session, sweep_id: str) -> str | None:
        if sweep_id == ids[0]:
            raise RuntimeError("on purpose")
        return halt(session, sweep_id)

    monkeypatch.setattr(fruitless, "halt", fails_once)
    assert pause(sqlite_store) == 1
    assert row_of(sqlite_store, Sweep, ids[1]).state == "paused"
    assert f"sweep {ids[0]} could not be paused" in caplog.text
