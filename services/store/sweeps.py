"""Sweeps: written by the API, listed, locked by whoever moves them, ended by settle."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from services.domain.errors import NotFound
from services.domain.plan.plan import Plan
from services.domain.spec.spec import Spec
from services.domain.states import SWEEP_FINAL, SweepState, TrialState, move
from services.store import events
from services.store.clock import db_now
from services.store.models import Sweep, Trial


def insert(session: Session, spec: Spec, plan: Plan, plugins: str = "") -> str:
    """Write a new sweep; returns its id. `plugins` is the digest of the plug-ins it was planned with."""
    sweep = Sweep(
        id=secrets.token_hex(5),
        name=spec.name,
        project=spec.project,
        state=SweepState.ACTIVE,
        spec=spec.model_dump(mode="json"),
        plan=plan.model_dump(mode="json"),
        total=plan.trials,
        plugins=plugins or None,
        created_at=db_now(),
    )
    session.add(sweep)
    session.flush()
    events.sweep_moved(session, sweep)
    return sweep.id


def get(session: Session, sweep_id: str) -> Sweep:
    """The sweep, or `NotFound`."""
    sweep = session.get(Sweep, sweep_id)
    if sweep is None:
        raise NotFound(f"no sweep {sweep_id!r}; `cnnlab ls` and GET /v1/sweeps list those that exist")
    return sweep


def lock(session: Session, sweep_id: str) -> Sweep:
    """The sweep, locked against every other writer of its row until the transaction ends.

    Rows that only refer to it, such as events, can still be written: on PostgreSQL that takes a share of the
    sweep's key, and a worker that holds its pack must not wait for whoever holds the sweep.
    """
    query = select(Sweep).where(Sweep.id == sweep_id).with_for_update(key_share=True)
    found = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    return found or get(session, sweep_id)


@dataclass(frozen=True)
class Filter:
    """Which sweeps a list shows; an empty filter shows all."""

    states: Sequence[SweepState] = ()
    project: str | None = None
    name: str | None = None  # a part of it, in upper or lower case

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for SQL."""
        found: list[ColumnElement[bool]] = []
        if self.states:
            found.append(Sweep.state.in_(list(self.states)))
        if self.project is not None:
            found.append(Sweep.project == self.project)
        if self.name is not None:
            found.append(Sweep.name.icontains(self.name, autoescape=True))
        return found


def newest(
    session: Session, limit: int, after: tuple[int, str] | None = None, only: Filter | None = None
) -> Sequence[Sweep]:
    """Sweeps, newest first, behind the one that was created at a time and has an id."""
    query = select(Sweep).where(*(only or Filter()).conditions())
    if after is not None:
        at, sweep_id = after
        older, beside = Sweep.created_at < at, and_(Sweep.created_at == at, Sweep.id > sweep_id)
        query = query.where(or_(older, beside))
    return session.scalars(query.order_by(Sweep.created_at.desc(), Sweep.id).limit(limit)).all()


def dispatchable_ids(session: Session) -> Sequence[str]:
    """Sweeps of which trials may start: all of an active one, of a stopping one those that had begun."""
    return session.scalars(
        select(Sweep.id)
        .where(Sweep.state.in_([SweepState.ACTIVE, SweepState.STOPPING]))
        .order_by(Sweep.created_at)
    ).all()


def unsettled_ids(session: Session) -> Sequence[str]:
    """Sweeps that are not over."""
    return session.scalars(select(Sweep.id).where(Sweep.state.not_in(list(SWEEP_FINAL)))).all()


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
    """End a sweep whose trials are all final; says whether it did."""
    sweep = lock(session, sweep_id)
    if sweep.state in SWEEP_FINAL:
        return False
    if sweep.state == SweepState.CANCELLING:
        _sweep_up(session, sweep_id)
    tally = counts(session, [sweep_id])[sweep_id]
    live = sum(tally.get(state, 0) for state in (TrialState.PENDING, TrialState.QUEUED, TrialState.RUNNING))
    if live or (sweep.state == SweepState.ACTIVE and sweep.next_number < sweep.total):
        return False
    if sweep.state == SweepState.PAUSED:
        return False
    sweep.state = move(SweepState(sweep.state), _end(SweepState(sweep.state), tally, sweep.total))
    sweep.finished_at = session.execute(select(db_now())).scalar_one()
    events.sweep_moved(session, sweep)
    return True


def _sweep_up(session: Session, sweep_id: str) -> None:
    """Cancel what its worker gave back while the cancel was being written and could not know of it."""
    left = session.execute(
        update(Trial)
        .where(Trial.sweep_id == sweep_id, Trial.state == TrialState.PENDING)
        .values(state=move(TrialState.PENDING, TrialState.CANCELLED), finished_at=db_now())
        .returning(Trial.id, Trial.number)
        .execution_options(synchronize_session=False)
    )
    events.trials_went(session, sweep_id, left, TrialState.CANCELLED)


def _end(state: SweepState, tally: Mapping[str, int], total: int) -> SweepState:
    """How a sweep ends; points that were never drawn count as cancelled."""
    good = tally.get(TrialState.SUCCEEDED, 0) + tally.get(TrialState.PRUNED, 0)
    if state == SweepState.CANCELLING:
        return SweepState.CANCELLED
    if good == total:
        return SweepState.SUCCEEDED
    if good:
        return SweepState.PARTIAL
    return SweepState.FAILED if tally.get(TrialState.FAILED, 0) else SweepState.CANCELLED
