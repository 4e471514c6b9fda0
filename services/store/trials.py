"""Trials: drawn from the plan by dispatch, moved by packs, read by everybody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from services.domain.errors import NotFound
from services.domain.plan.plan import Plan
from services.domain.spec.objective import Objective
from services.domain.states import TRIAL_FINAL, TrialState
from services.store.clock import db_now
from services.store.models import Sweep, Trial


def draw(session: Session, sweep: Sweep, count: int) -> list[Trial]:
    """Make the rows of the sweep's next trials; the caller holds the sweep's lock."""
    plan = Plan.model_validate(sweep.plan)
    numbers = range(sweep.next_number, min(sweep.next_number + count, sweep.total))
    trials = [
        Trial(
            id=f"{sweep.id}-{number:04d}",
            sweep_id=sweep.id,
            number=number,
            point=(point := plan.point_of(number)),
            replicate=plan.replicate_of(number),
            seed=plan.seed_of(number),
            values=plan.values(point),
            shape=plan.shape_of(point),
            row=plan.row_of(number),
            state=TrialState.PENDING,
            target_epoch=plan.shapes[plan.shape_of(point)].epochs,
            created_at=db_now(),
        )
        for number in numbers
    ]
    session.add_all(trials)
    sweep.next_number = numbers.stop
    session.flush()
    return trials


def get(session: Session, trial_id: str) -> Trial:
    """The trial, or `NotFound`."""
    trial = session.get(Trial, trial_id)
    if trial is None:
        raise NotFound(
            f"no trial {trial_id!r}; `cnnlab show SWEEP` and GET /v1/sweeps/{{id}}/trials list a sweep's"
        )
    return trial


def page(
    session: Session,
    sweep_id: str,
    limit: int,
    after: int = -1,
    states: Collection[str] = (),
    point: int | None = None,
) -> Sequence[Trial]:
    """A sweep's trials by number, behind the one with this number; of some states, of one point."""
    query = select(Trial).where(Trial.sweep_id == sweep_id, Trial.number > after)
    if states:
        query = query.where(Trial.state.in_(list(states)))
    if point is not None:
        query = query.where(Trial.point == point)
    return session.scalars(query.order_by(Trial.number).limit(limit)).all()


def dispatchable(session: Session, sweep_id: str) -> Sequence[Trial]:
    """Pending trials whose time has come, neighbours of one shape and epoch together."""
    return session.scalars(
        select(Trial)
        .where(
            Trial.sweep_id == sweep_id,
            Trial.state == TrialState.PENDING,
            Trial.not_before <= db_now(),
        )
        .order_by(Trial.shape, Trial.saved_epoch, Trial.epoch, Trial.number)
    ).all()


def leaderboard(
    session: Session, sweep_id: str, objective: Objective, limit: int, offset: int = 0
) -> Sequence[Trial]:
    """A sweep's trials, best first; those without a value last."""
    value = Trial.best_value if objective.at == "best" else Trial.last_value
    order = value.desc() if objective.goal == "maximize" else value.asc()
    return session.scalars(
        select(Trial)
        .where(Trial.sweep_id == sweep_id)
        .order_by(case((value.is_(None), 1), else_=0), order, Trial.number)
        .limit(limit)
        .offset(offset)
    ).all()


def setback(session: Session, sweep_id: str) -> str | None:
    """Why the latest attempt at a trial that waits for another one failed; None if none waits so."""
    failures = session.scalars(
        select(Trial.failure)
        .where(Trial.sweep_id == sweep_id, Trial.state == TrialState.PENDING, Trial.attempts > 0)
        .order_by(Trial.not_before.desc(), Trial.number)
        .limit(1)
    ).all()
    return next((str(failure["message"]) for failure in failures if failure), None)


@dataclass(frozen=True)
class Epochs:
    """Epochs that some trials have reported, and those that the unfinished among them still owe."""

    done: int
    left: int


def epochs(session: Session, sweep_id: str) -> dict[int, Epochs]:
    """Epochs of a sweep's drawn trials, per shape."""
    owed = case((Trial.state.in_(list(TRIAL_FINAL)), 0), else_=Trial.target_epoch - Trial.epoch)
    rows = session.execute(
        select(Trial.shape, func.sum(Trial.epoch), func.sum(owed))
        .where(Trial.sweep_id == sweep_id)
        .group_by(Trial.shape)
    )
    return {shape: Epochs(int(done), int(left)) for shape, done, left in rows}
