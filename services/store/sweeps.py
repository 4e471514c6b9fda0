"""Sweeps: written by the API, listed, locked by whoever changes them, ended by settle."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import ColumnElement, Table, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from services.domain.errors import NotFound
from services.domain.plan.plan import Plan
from services.domain.retry import MAX_FRUITLESS
from services.domain.spec.display_name import normal
from services.domain.spec.spec import Spec
from services.domain.states import (
    PACK_OUTSTANDING,
    SWEEP_DISPATCHABLE,
    SWEEP_FINAL,
    TRIAL_GOOD,
    TRIAL_PACKED,
    TRIAL_UNFINISHED,
    SweepState,
    TrialState,
)
from services.store import moves, set_aside, specs_and_plans
from services.store.clock import db_now
from services.store.models import HELD, PENDING, MirrorSweep, Pack, Sweep, Trial

WHERE_SWEEPS_ARE = "`cnnlab ls` and GET /v1/sweeps list those that exist"
_BARE = select(Sweep).where(Sweep.id == bindparam("sweep")).options(*specs_and_plans.later())
_WITH_MIRROR = _BARE.options(joinedload(Sweep.mirror))
_END = select(Sweep.state, Sweep.finished_at).where(Sweep.id == bindparam("sweep"))
_LOCK = _BARE.with_for_update(key_share=True).execution_options(populate_existing=True)


def insert(session: Session, spec: Spec, plan: Plan, plugins: str = "", extends: str | None = None) -> str:
    """Write a new sweep; returns its id.

    `plugins` is the digest of the plug-ins it was planned with, `extends` the sweep that it continues.
    """
    sweep = Sweep(
        id=secrets.token_hex(5),
        name=spec.name,
        project=spec.project,
        description=spec.description,
        spec=spec,
        plan=plan,
        total=plan.trials,
        priority=spec.priority,
        plugins=plugins or None,
        extends=extends,
        created_at=db_now(),
        mirror=MirrorSweep(),
    )
    moves.add_sweep(session, sweep)
    return sweep.id


def is_over(session: Session, sweep_id: str) -> bool:
    """Whether a sweep has ended, in one look at its row; `NotFound` as `get`."""
    row = session.execute(_END, {"sweep": sweep_id}).one_or_none()
    if row is None or row.state == SweepState.DELETING:
        get(session, sweep_id)  # it has the words for it
    return row is not None and row.finished_at is not None


def get(session: Session, sweep_id: str) -> Sweep:
    """The sweep with what MLflow has of it, its spec and plan from memory where they are; or `NotFound`."""
    sweep = session.scalars(_WITH_MIRROR, {"sweep": sweep_id}).one_or_none()
    if sweep is not None and sweep.state == SweepState.DELETING:
        why = f", which has failed so far: {sweep.set_aside}" if sweep.set_aside else ""
        raise NotFound(f"sweep {sweep_id!r} is being deleted{why}")
    if sweep is None:
        of, dash, _ = sweep_id.partition("-")
        hint = f"that is a trial's id, and its sweep's is {of}" if dash and of else WHERE_SWEEPS_ARE
        raise NotFound(f"no sweep {sweep_id!r}; {hint}")
    specs_and_plans.give(session, [sweep])
    return sweep


def lock(session: Session, sweep_id: str) -> Sweep:
    """The sweep, locked against every other writer of its row until the transaction ends.

    Rows that only refer to it, such as events, can still be written: on PostgreSQL that takes a share of the
    sweep's key, and a worker that holds its pack must not wait for whoever holds the sweep.
    """
    found = session.scalars(_LOCK, {"sweep": sweep_id}).one_or_none()
    return get(session, sweep_id) if found is None or found.state == SweepState.DELETING else found


def hold(session: Session, sweep_ids: Collection[str]) -> set[str]:
    """Those of these sweeps that are there and not being deleted; none is until the transaction ends.

    For whatever a new row refers to. Others that hold the same sweeps do not wait for each other.
    """
    there = _SWEEPS.c.id.in_(sweep_ids), _SWEEPS.c.state != SweepState.DELETING
    query = select(_SWEEPS.c.id).where(*there).order_by(_SWEEPS.c.id)
    return set(session.scalars(query.with_for_update(read=True)))


def is_deleting(session: Session, sweep_id: str) -> bool:
    """Whether a sweep is being deleted."""
    state = select(_SWEEPS.c.state).where(_SWEEPS.c.id == sweep_id)
    return session.scalars(state).one_or_none() == SweepState.DELETING


@dataclass(frozen=True)
class Filter:
    """Which sweeps a list shows; an empty filter shows all that are not being deleted."""

    states: Sequence[SweepState] = ()
    project: str | None = None
    name: str | None = None  # a part of it, in upper or lower case
    beginning: str | None = None  # of the id: hexadecimal digits

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for SQL."""
        found: list[ColumnElement[bool]] = [Sweep.state != SweepState.DELETING]
        if self.states:
            found.append(Sweep.state.in_(list(self.states)))
        if self.project is not None:
            found.append(Sweep.project == normal(self.project))
        if self.name is not None:
            found.append(Sweep.name.icontains(normal(self.name), autoescape=True))
        if self.beginning is not None:
            found.append(Sweep.id.between(self.beginning, f"{self.beginning}g"))  # by the primary key
        return found


def newest(
    session: Session, limit: int, after: tuple[int, str] | None = None, only: Filter | None = None
) -> Sequence[Sweep]:
    """Sweeps, newest first, behind the one that was created at a time and has an id."""
    query = select(Sweep).options(joinedload(Sweep.mirror), *specs_and_plans.later())
    query = query.where(*(only or Filter()).conditions())
    if after is not None:
        at, sweep_id = after
        older, beside = Sweep.created_at < at, and_(Sweep.created_at == at, Sweep.id > sweep_id)
        query = query.where(or_(older, beside))
    page = session.scalars(query.order_by(Sweep.created_at.desc(), Sweep.id).limit(limit)).all()
    specs_and_plans.give(session, page)
    return page


# Made once, and of the tables: to make a statement takes as long as to execute it.
_SWEEPS, _PACKS, _TRIALS = (cast(Table, model.__table__) for model in (Sweep, Pack, Trial))
_OUTSTANDING = (
    select(_PACKS.c.sweep_id, func.count().label("packs"))
    .where(_PACKS.c.state.in_(PACK_OUTSTANDING))
    .group_by(_PACKS.c.sweep_id)
    .subquery()
)
_HELD = func.coalesce(_OUTSTANDING.c.packs, 0)
_UNDRAWN = and_(_SWEEPS.c.state == SweepState.ACTIVE, _SWEEPS.c.next_number < _SWEEPS.c.total)
_DUE = (
    PENDING,
    _TRIALS.c.not_before <= db_now(),
    _TRIALS.c.fruitless < MAX_FRUITLESS,
    _TRIALS.c.start_epoch.is_not(None),
)
_CANDIDATES = (
    select(_SWEEPS.c.id, _SWEEPS.c.plugins, _SWEEPS.c.priority, _HELD, _SWEEPS.c.set_aside.is_not(None))
    .outerjoin(_OUTSTANDING, _OUTSTANDING.c.sweep_id == _SWEEPS.c.id)
    .where(
        _SWEEPS.c.state.in_(SWEEP_DISPATCHABLE),
        or_(_UNDRAWN, exists().where(_TRIALS.c.sweep_id == _SWEEPS.c.id, *_DUE)),
        set_aside.is_due(set_aside.DISPATCH),
        _SWEEPS.c.id.not_in(bindparam("without", expanding=True)),
    )
    .order_by(
        _SWEEPS.c.priority.desc(),
        _HELD,
        func.coalesce(_SWEEPS.c.served_at, 0),
        _SWEEPS.c.created_at,
        _SWEEPS.c.id,
    )
    .limit(bindparam("most"))
)


@dataclass(frozen=True)
class Candidate:
    """A sweep that waits for a place in the window, and how many packs it has there."""

    id: str
    plugins: str | None
    priority: int
    packs: int
    set_aside: bool


def candidates(session: Session, limit: int, without: Collection[str] = ()) -> list[Candidate]:
    """Sweeps of which a trial may start now, those to be served first in front.

    All trials of an active sweep may start, of a stopping one those that had begun. The highest priority
    comes first; among equals the sweep with the fewest packs in the window, then the one that was served
    longest ago.
    """
    rows = session.execute(_CANDIDATES, {"without": list(without), "most": limit})
    return [Candidate(*row) for row in rows]


def ending_ids(session: Session, *only: ColumnElement[bool]) -> Sequence[str]:
    """Sweeps that can end, all or `only` some: none of their trials is under way, and none is drawn any more.

    A paused sweep does not end; of one that is being cancelled nothing may wait any longer.
    """
    mine = Trial.sweep_id == Sweep.id
    busy = exists().where(mine, Trial.state.in_(TRIAL_PACKED))
    waits = or_(exists().where(mine, PENDING), exists().where(mine, HELD))
    waiting = and_(Sweep.state != SweepState.CANCELLING, waits)
    moving = Sweep.state.not_in([*SWEEP_FINAL, SweepState.PAUSED, SweepState.DELETING])
    return session.scalars(
        select(Sweep.id).where(*only, moving, ~_UNDRAWN, ~busy, ~waiting, set_aside.is_due(set_aside.SETTLE))
    ).all()


def counts(session: Session, sweep_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Trials per state of each sweep; points not yet drawn are not among them."""
    rows = session.execute(
        select(Trial.sweep_id, Trial.state, func.count())
        .where(Trial.sweep_id.in_(sweep_ids))
        .group_by(Trial.sweep_id, Trial.state)
    )
    result: dict[str, dict[str, int]] = {sweep_id: {} for sweep_id in sweep_ids}
    for sweep_id, state, count in rows:
        result[sweep_id][state] = count
    return result


def settle(session: Session, sweep_id: str) -> bool:
    """End a sweep whose trials have all ended; returns whether it did."""
    sweep = lock(session, sweep_id)
    state = SweepState(sweep.state)
    if state in SWEEP_FINAL or state == SweepState.PAUSED:
        return False
    if state == SweepState.CANCELLING:
        # What a worker gave back while the cancel was being written still waits.
        for waiting in TrialState.PENDING, TrialState.HELD:
            moves.move_trials_where(session, sweep_id, waiting, TrialState.CANCELLED)
    by_state = counts(session, [sweep_id])[sweep_id]
    unfinished = sum(by_state.get(state, 0) for state in TRIAL_UNFINISHED)
    if unfinished or (state == SweepState.ACTIVE and sweep.next_number < sweep.total):
        return False
    tried = sum(by_state.get(state, 0) for state in (TrialState.FAILED, *TRIAL_GOOD))
    wanted = tried if sweep.ended_by else sweep.total
    moves.move_sweep(session, sweep, _end(state, by_state, wanted))
    return True


def _end(state: SweepState, by_state: Mapping[str, int], total: int) -> SweepState:
    """Choose the state in which a sweep ends; points that were never drawn count as cancelled.

    After an early end by a rule none of them was wanted, nor were those that had not begun.
    """
    good = sum(by_state.get(state, 0) for state in TRIAL_GOOD)
    if state == SweepState.CANCELLING:
        return SweepState.CANCELLED
    if good and good == total:
        return SweepState.SUCCEEDED
    if good:
        return SweepState.PARTIAL
    return SweepState.FAILED if by_state.get(TrialState.FAILED, 0) else SweepState.CANCELLED
