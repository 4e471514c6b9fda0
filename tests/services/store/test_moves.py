"""Moves: what the table lacks is refused and writes nothing; what it has is written, with its event."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from paper_sweep import fill, take, trials_of, write_sweep
from sqlalchemy import func, select, update

from services.domain.states import (
    MOVES,
    PACK_FINAL,
    SWEEP_FINAL,
    TRIAL_FINAL,
    TRIAL_PACKED,
    ImpossibleMove,
    PackState,
    SweepState,
    TrialState,
)
from services.store import at_commit, moves
from services.store.models import Event, Pack, Sweep, Trial
from services.store.session import Session, Store


class Undo(Exception):
    """Rolls a try back."""


def attempt(store: Store, work: Callable[[Session], None]) -> None:
    """Try something in a transaction of its own, and undo it."""

    def rolled_back(session: Session) -> None:
        work(session)
        raise Undo

    with pytest.raises(Undo):
        store.write(rolled_back)


def events_of(session: Session) -> int:
    return session.execute(select(func.count(Event.id))).scalar_one()


def newest_event(session: Session) -> dict[str, Any]:
    at_commit.write_gathered(session)
    return session.scalars(select(Event).order_by(Event.id.desc()).limit(1)).one().data


def refused(session: Session, move: Callable[[], object], row: Sweep | Trial | Pack) -> None:
    """See the move refused, and nothing written."""
    before, events = row.state, events_of(session)
    with pytest.raises(ImpossibleMove):
        move()
    session.expire_all()
    assert (row.state, events_of(session)) == (before, events)


def set_trial(session: Session, trial_id: str, pack_id: str, state: TrialState) -> Trial:
    values = {"state": state, "pack_id": pack_id if state in TRIAL_PACKED else None, "cancel": True}
    session.execute(update(Trial).where(Trial.id == trial_id).values(values))
    return session.get_one(Trial, trial_id, populate_existing=True)


def test_a_sweep_makes_the_moves_of_the_table_and_no_others(store: Store) -> None:
    sweep_id = write_sweep(store)

    def try_it(session: Session, old: SweepState, new: SweepState) -> None:
        session.execute(update(Sweep).values(state=old, finished_at=7))
        sweep = session.get_one(Sweep, sweep_id)
        if new not in MOVES[SweepState].get(old, {}):
            return refused(session, lambda: moves.move_sweep(session, sweep, new), sweep)
        moves.move_sweep(session, sweep, new)
        session.expire_all()
        assert sweep.state == new
        assert (sweep.finished_at is not None) == (new in {*SWEEP_FINAL, SweepState.DELETING})
        assert newest_event(session) == {"state": new}
        return None

    for old, new in product(SweepState, SweepState):
        attempt(store, lambda session, old=old, new=new: try_it(session, old, new))  # type: ignore[misc]


@pytest.mark.long
@pytest.mark.parametrize("many", [False, True], ids=["one object", "rows that a condition finds"])
def test_a_trial_makes_the_moves_of_the_table_and_no_others(store: Store, many: bool) -> None:
    sweep_id = write_sweep(store)
    pack = fill(store, sweep_id)
    trial_id = trials_of(store, sweep_id)[0].id

    def try_it(session: Session, old: TrialState, new: TrialState) -> None:
        trial = set_trial(session, trial_id, pack.id, old)

        def move() -> None:
            into = pack.id if new in TRIAL_PACKED else None
            if many:
                values = {"pack_id": into} if into else {}
                mine = Trial.id == trial_id
                assert moves.move_trials_where(session, sweep_id, old, new, mine, **values) == 1
            else:
                moves.move_trials(session, sweep_id, [(trial, new)], into)

        if new not in MOVES[TrialState].get(old, {}):
            return refused(session, move, trial)
        move()
        session.expire_all()
        assert (trial.state, trial.cancel) == (new, False)
        assert (trial.finished_at is not None) == (new in TRIAL_FINAL)
        assert (trial.pack_id is not None) == (new in TRIAL_PACKED)
        told = {"trial": trial_id, "number": 0, "state": new, "failure": None}
        assert newest_event(session) == told
        return None

    for old, new in product(TrialState, TrialState):
        attempt(store, lambda session, old=old, new=new: try_it(session, old, new))  # type: ignore[misc]


@pytest.mark.parametrize("many", [False, True], ids=["one object", "rows that a condition finds"])
def test_a_pack_makes_the_moves_of_the_table_and_no_others(store: Store, many: bool) -> None:
    pack_id = take(store, fill(store, write_sweep(store))).pack_id

    def try_it(session: Session, old: PackState, new: PackState) -> None:
        session.execute(update(Pack).values(state=old, closed_at=None))
        pack = session.get_one(Pack, pack_id)

        def move() -> None:
            if many or new not in PACK_FINAL:  # no object is moved to a state that is not final
                assert moves.move_packs_where(session, old, new, Pack.id == pack_id, outcome="why") == 1
            else:
                moves.move_pack(session, pack, new, "why")

        if new not in MOVES[PackState].get(old, {}):
            return refused(session, move, pack)
        move()
        session.expire_all()
        assert (pack.state, pack.outcome) == (new, "why")
        assert (pack.closed_at is not None) == (new in PACK_FINAL)
        return None

    for old, new in product(PackState, PackState):
        attempt(store, lambda session, old=old, new=new: try_it(session, old, new))  # type: ignore[misc]


def test_a_condition_moves_what_it_finds_and_says_how_many(store: Store) -> None:
    one, other = write_sweep(store), write_sweep(store)
    fill(store, one), fill(store, other)

    def withdraw(session: Session) -> int:
        return moves.move_trials_where(session, one, TrialState.QUEUED, TrialState.PENDING)

    assert store.write(withdraw) == 4
    assert {trial.state for trial in trials_of(store, one)} == {"pending"}
    assert {trial.state for trial in trials_of(store, other)} == {"queued"}
    assert store.write(withdraw) == 0


def test_an_event_names_the_kind_of_the_latest_failure_whichever_way_the_trial_moved(store: Store) -> None:
    sweep_id = write_sweep(store)
    fill(store, sweep_id)
    first, second = trials_of(store, sweep_id)[:2]

    def move(session: Session) -> list[dict[str, Any]]:
        session.execute(update(Trial).values(failure={"kind": "crashed", "message": "…"}))
        trial = session.get_one(Trial, first.id)
        moves.move_trials(session, sweep_id, [(trial, TrialState.PENDING)])
        moves.move_trials_where(
            session, sweep_id, TrialState.QUEUED, TrialState.PENDING, Trial.id == second.id
        )
        at_commit.write_gathered(session)
        newest = select(Event).order_by(Event.id.desc()).limit(2)
        return [event.data for event in session.scalars(newest)]

    assert [(told["number"], told["failure"]) for told in store.write(move)] == [
        (1, "crashed"),
        (0, "crashed"),
    ]
