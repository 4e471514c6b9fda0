"""services/store/under_way.py."""

from __future__ import annotations

from paper_sweep import fill, take, write_sweep

from services.domain.states import SWEEP_FINAL, SweepState
from services.store import sweep_verbs, sweeps, under_way
from services.store.session import Store


def test_a_sweep_that_may_go_on_is_under_way_and_a_paused_one_rests(store: Store) -> None:
    assert not store.read(under_way.is_anything)
    sweep_id = write_sweep(store)
    assert store.read(under_way.is_anything)
    store.write(lambda session: sweep_verbs.pause(session, sweep_id))
    assert not store.read(under_way.is_anything)
    store.write(lambda session: sweep_verbs.resume(session, sweep_id))
    take(store, fill(store, sweep_id))
    store.write(lambda session: sweep_verbs.pause(session, sweep_id))
    assert store.read(under_way.is_anything)  # its pack trains to its end


def test_a_sweep_that_is_being_cancelled_is_under_way_until_it_has_ended(store: Store) -> None:
    sweep_id = write_sweep(store)
    store.write(lambda session: sweep_verbs.cancel(session, sweep_id))
    assert store.read(under_way.is_anything)
    assert store.write(lambda session: sweeps.settle(session, sweep_id))
    assert not store.read(under_way.is_anything)


def test_every_state_either_moves_or_rests() -> None:
    assert {*under_way.MOVING, *SWEEP_FINAL, SweepState.PAUSED} == set(SweepState)
