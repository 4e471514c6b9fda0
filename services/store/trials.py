"""Trials: drawn from the plan by dispatch, trained in packs, read by everybody."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.orm import Session, joinedload

from services.domain.errors import NotFound
from services.domain.retry import MAX_FRUITLESS
from services.domain.states import TRIAL_FINAL
from services.store import clock, moves
from services.store.clock import db_now
from services.store.models import PENDING, Sweep, Trial


def draw(session: Session, sweep: Sweep, count: int) -> Sequence[Trial]:
    """Write the sweep's next trials; the caller holds the sweep's lock."""
    rows = new_rows(sweep, count, clock.read(session))
    moves.add_trials(session, rows)
    return page(session, sweep.id, count, sweep.next_number - len(rows) - 1)


def new_rows(sweep: Sweep, count: int, now: int) -> list[dict[str, Any]]:
    """Make the sweep's next trials, as rows for the caller to insert under the sweep's lock."""
    plan = sweep.plan
    numbers = range(sweep.next_number, min(sweep.next_number + count, sweep.total))
    sweep.next_number = numbers.stop
    return [
        {
            "id": f"{sweep.id}-{number:04d}",
            "sweep_id": sweep.id,
            "number": number,
            "point": (point := plan.point_of(number)),
            "replicate": plan.replicate_of(number),
            "seed": plan.seed_of(number),
            "values": plan.values(point),
            "shape": (shape := plan.shape_of(point)),
            "row": plan.row_of(number),
            "target_epoch": plan.shapes[shape].epochs,
            "created_at": now,
        }
        for number in numbers
    ]


def get(session: Session, trial_id: str) -> Trial:
    """The trial with what MLflow has of it, or `NotFound`."""
    trial = session.get(Trial, trial_id, options=[joinedload(Trial.mirror)])
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
    query = select(Trial).options(joinedload(Trial.mirror))
    query = query.where(Trial.sweep_id == sweep_id, Trial.number > after)
    if states:
        query = query.where(Trial.state.in_(list(states)))
    if point is not None:
        query = query.where(Trial.point == point)
    return session.scalars(query.order_by(Trial.number).limit(limit)).all()


def first_waiting(session: Session, sweep_id: str) -> Trial | None:
    """The first pending trial whose time has come; trials of one shape and epoch are neighbours."""
    return session.scalars(_FIRST, {"sweep": sweep_id}).one_or_none()


def waiting_like(session: Session, first: Trial, mixed: bool, limit: int) -> Sequence[Trial]:
    """Pending trials that may share an array with one of them, by number.

    Trials of several replicates may only where the shape mixes them.
    """
    alike = [
        Trial.shape == first.shape,
        Trial.saved_epoch == first.saved_epoch,
        Trial.epoch == first.epoch,
        Trial.target_epoch == first.target_epoch,
        Trial.most_alive.is_not_distinct_from(first.most_alive),
    ]
    if not mixed:
        alike.append(Trial.replicate == first.replicate)
    query = _WAITING.where(*alike).order_by(Trial.number).limit(limit)
    return session.scalars(query, {"sweep": first.sweep_id}).all()


# Those that only led to attempts in vain are left out: store/fruitless.py pauses their sweep.
_WAITING = select(Trial).where(
    Trial.sweep_id == bindparam("sweep"),
    PENDING,
    Trial.not_before <= db_now(),
    Trial.fruitless < MAX_FRUITLESS,
)
_FIRST = _WAITING.order_by(Trial.shape, Trial.saved_epoch, Trial.epoch, Trial.number).limit(1)


@dataclass(frozen=True)
class Epochs:
    """How many epochs some trials have reported, and how many the unfinished among them have left."""

    done: int
    left: int


def epochs(session: Session, sweep_ids: Sequence[str]) -> dict[str, dict[int, Epochs]]:
    """Epochs of the drawn trials of each sweep, per shape."""
    left = case((Trial.state.in_(TRIAL_FINAL), 0), else_=Trial.target_epoch - Trial.epoch)
    rows = session.execute(
        select(Trial.sweep_id, Trial.shape, func.sum(Trial.epoch), func.sum(left))
        .where(Trial.sweep_id.in_(sweep_ids))
        .group_by(Trial.sweep_id, Trial.shape)
    )
    found: dict[str, dict[int, Epochs]] = {sweep_id: {} for sweep_id in sweep_ids}
    for sweep_id, shape, done, still in rows:
        found[sweep_id][shape] = Epochs(int(done), int(still))
    return found
