"""Trials: drawn from the plan by dispatch, trained in packs, read by everybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, bindparam, func, select
from sqlalchemy.orm import Session, joinedload

from services.domain.errors import NotFound
from services.domain.plan import cohorts
from services.domain.plan.identity import Identities
from services.domain.retry import MAX_FRUITLESS
from services.domain.states import TRIAL_FINAL
from services.store import sweeps
from services.store.clock import db_now
from services.store.json_rows import GIVEN_IDS, given_ids
from services.store.models import PENDING, MirrorTrial, Sweep, Trial


def new_held_rows(sweep: Sweep, start: int, count: int, now: int) -> list[dict[str, Any]]:
    """Make trials of the sweep from a number on, which wait for a decision, as rows to insert."""
    nowhere = {"width": None, "row": None, "until_epoch": 0}
    return [row | nowhere for row in new_rows(sweep, start, count, count, now)]


def new_rows(sweep: Sweep, start: int, count: int, width: int, now: int) -> list[dict[str, Any]]:
    """Make the sweep's trials from a number on, as rows for the caller to insert under the sweep's lock.

    They are the rows of one array of this width, in order, and stay there up to the next rung, in every
    attempt: float32 bits may depend on width and row.
    """
    plan = sweep.plan
    first = plan.pin.segments[0].row if plan.pin else 0
    numbers = range(start, min(start + count, sweep.total))
    sweep.drawn = sweep.drawn.and_also(plan, numbers)
    rows = rows_of(sweep, numbers, now)
    return [row | {"width": width, "row": place} for place, row in enumerate(rows, first)]


def asked_rows(sweep: Sweep, points: Sequence[tuple[dict[str, Any], int]], now: int) -> list[dict[str, Any]]:
    """Make the trials of the sweep's next points, each given by its values and its shape; without places.

    They are rows for the caller to insert under the sweep's lock.
    """
    numbers = range(sweep.next_number, sweep.next_number + len(points) * sweep.plan.replicates)
    sweep.next_number = numbers.stop
    written = _Rows(sweep, now)
    return [
        written.of(number, *points[(number - numbers.start) // sweep.plan.replicates]) for number in numbers
    ]


def rows_of(sweep: Sweep, numbers: Iterable[int], now: int) -> list[dict[str, Any]]:
    """Make trials of a sweep by number, as rows without places."""
    plan, written = sweep.plan, _Rows(sweep, now)
    return [
        written.of(number, plan.values(point), plan.shape_of(point))
        for number in numbers
        for point in [plan.point_of(number)]
    ]


class _Rows:
    """New trials of a sweep as rows, without places in arrays; all that they share is read once."""

    def __init__(self, sweep: Sweep, now: int) -> None:
        self._sweep_id, self._plan, self._now = sweep.id, sweep.plan, now
        self._identities = Identities(sweep.spec, sweep.plan)
        self._cohorts = cohorts.of_sweep(sweep.spec, sweep.plan)

    def of(self, number: int, values: dict[str, Any], shape: int) -> dict[str, Any]:
        """The row of the trial with this number, which has these values and this shape."""
        plan = self._plan
        point, target = plan.point_of(number), plan.shapes[shape].epochs
        seed, replicate = plan.seed_of(number), plan.replicate_of(number)
        cohort = self._cohorts.of(point)
        return {
            "id": f"{self._sweep_id}-{number:04d}",
            "sweep_id": self._sweep_id,
            "number": number,
            "point": point,
            "replicate": replicate,
            "seed": seed,
            "identity": self._identities.of(values, seed, replicate),
            "values": values,
            "shape": shape,
            "cohort": cohort,
            "until_epoch": self._cohorts.next_stop(cohort, 0, target),
            "target_epoch": target,
            "created_at": self._now,
        }


def values_of_points(session: Session, sweep_id: str) -> list[dict[str, Any]]:
    """The values of the points of a search by results, in the order in which they were asked for."""
    first = Trial.sweep_id == sweep_id, Trial.replicate == 0
    return list(session.scalars(select(Trial.values).where(*first).order_by(Trial.point)))


def get(session: Session, trial_id: str) -> Trial:
    """The trial with what MLflow has of it, or `NotFound`."""
    trial = session.get(Trial, trial_id, options=[joinedload(Trial.mirror)])
    if trial is None or sweeps.is_deleting(session, trial.sweep_id):
        form = "a trial's id is its sweep's and a number, such as 3f81c09a2e-0007; "
        bare = "" if "-" in trial_id else form
        where = "`cnnlab show SWEEP` and GET /v1/sweeps/{id}/trials list a sweep's"
        raise NotFound(f"no trial {trial_id!r}; {bare}{where}")
    return trial


class BriefTrial(NamedTuple):
    """What a list shows of a trial: these columns, and its run in MLflow."""

    id: str
    sweep_id: str
    number: int
    point: int
    replicate: int
    state: str
    values: dict[str, Any]
    epoch: int
    until_epoch: int
    target_epoch: int
    best_value: float | None
    best_epoch: int | None
    last_value: float | None
    stopped: dict[str, Any] | None
    failure: dict[str, Any] | None
    reused_from: str | None
    reused_epochs: int
    attempts: int
    run_id: str | None


# Of columns, because a page has up to a thousand rows and an object of each takes longer than all else.
_BRIEF = (
    select(*(getattr(Trial, name) for name in BriefTrial._fields[:-1]), MirrorTrial.run_id)
    .outerjoin(MirrorTrial, MirrorTrial.trial_id == Trial.id)
    .where(Trial.sweep_id == bindparam("sweep"), Trial.number > bindparam("after"))
    .order_by(Trial.number)
    .limit(bindparam("limit"))
)


def page(
    session: Session,
    sweep_id: str,
    limit: int,
    after: int = -1,
    states: Collection[str] = (),
    point: int | None = None,
) -> Sequence[BriefTrial]:
    """A sweep's trials by number, behind the one with this number; of some states, of one point."""
    query = _BRIEF
    if states:
        query = query.where(Trial.state.in_(list(states)))
    if point is not None:
        query = query.where(Trial.point == point)
    rows = session.execute(query, {"sweep": sweep_id, "after": after, "limit": limit})
    return [BriefTrial._make(row) for row in rows]


def first_waiting(session: Session, sweep_id: str, shapes: Collection[int] | None = None) -> Trial | None:
    """The first pending trial whose time has come, of these shapes if some are given.

    Trials of one shape and epoch are neighbours.
    """
    query = _FIRST if shapes is None else _FIRST.where(Trial.shape.in_(shapes))
    return session.scalars(query, {"sweep": sweep_id}).one_or_none()


def count_waiting(session: Session, sweep_id: str, most: int) -> int:
    """How many of a sweep's pending trials may start, as far as `most`."""
    some = _WAITING.with_only_columns(Trial.id).limit(most).subquery()
    return session.scalars(select(func.count()).select_from(some), {"sweep": sweep_id}).one()


def waiting_like(session: Session, first: Trial, mixed: bool, limit: int) -> Sequence[Trial]:
    """Pending trials that may share an array with one of them, by number.

    Trials that have a place do not share one with those that have none; trials of several replicates only
    where the shape mixes them.
    """
    alike = [
        Trial.shape == first.shape,
        Trial.width.is_not_distinct_from(first.width),
        Trial.saved_epoch == first.saved_epoch,
        Trial.epoch == first.epoch,
        Trial.until_epoch == first.until_epoch,
        Trial.target_epoch == first.target_epoch,
        Trial.most_alive.is_not_distinct_from(first.most_alive),
    ]
    if not mixed:
        alike.append(Trial.replicate == first.replicate)
    query = _WAITING.where(*alike).order_by(Trial.number).limit(limit)
    return session.scalars(query, {"sweep": first.sweep_id}).all()


# Those that only led to attempts in vain are left out: store/fruitless.py pauses their sweep. So are forks
# that cannot begin yet: store/fork_starts.py.
_WAITING = select(Trial).where(
    Trial.sweep_id == bindparam("sweep"),
    PENDING,
    Trial.not_before <= db_now(),
    Trial.fruitless < MAX_FRUITLESS,
    Trial.start_epoch.is_not(None),
)
_FIRST = _WAITING.order_by(Trial.shape, Trial.saved_epoch, Trial.epoch, Trial.number).limit(1)


@dataclass(frozen=True)
class Epochs:
    """How many epochs some trials have reported, and how many the unfinished among them have left.

    `reused` of those that are done were trained by trials of other sweeps; `inherited` are those of their
    parents behind which forks have begun.
    """

    done: int
    left: int
    reused: int = 0
    inherited: int = 0

    @property
    def trained(self) -> int:
        """How many the sweep has trained itself."""
        return self.done - self.reused


_COLUMNS = cast(Table, Trial.__table__).c
_TOTALS = (
    select(
        _COLUMNS.sweep_id,
        _COLUMNS.state,
        _COLUMNS.shape,
        func.count(),
        func.sum(_COLUMNS.epoch),
        func.sum(_COLUMNS.target_epoch),
        func.sum(_COLUMNS.reused_epochs),
        func.count(_COLUMNS.reused_from),
        func.sum(func.coalesce(_COLUMNS.start_epoch, 0)),
    )
    .where(_COLUMNS.sweep_id.in_(GIVEN_IDS))
    .group_by(_COLUMNS.sweep_id, _COLUMNS.state, _COLUMNS.shape)
)


class Totals(NamedTuple):
    """How many trials of a sweep are in each state, and their epochs by shape."""

    counts: Mapping[str, int]
    epochs: Mapping[int, Epochs]
    reused: int = 0  # trials that have epochs of others


def totals(session: Session, sweep_ids: Sequence[str]) -> dict[str, Totals]:
    """The totals of the drawn trials of each sweep, in one pass over them."""
    rows = session.execute(_TOTALS, given_ids(sweep_ids))
    counts: dict[str, Counter[str]] = {sweep_id: Counter() for sweep_id in sweep_ids}
    done: dict[str, Counter[int]] = {sweep_id: Counter() for sweep_id in sweep_ids}
    left: dict[str, Counter[int]] = {sweep_id: Counter() for sweep_id in sweep_ids}
    reused: dict[str, Counter[int]] = {sweep_id: Counter() for sweep_id in sweep_ids}
    inherited: dict[str, Counter[int]] = {sweep_id: Counter() for sweep_id in sweep_ids}
    sources = Counter[str]()
    for sweep_id, state, shape, count, epochs, targets, taken, others, starts in rows:
        counts[sweep_id][state] += count
        reused[sweep_id][shape] += int(taken)
        sources[sweep_id] += others
        done[sweep_id][shape] += int(epochs - starts)
        inherited[sweep_id][shape] += int(starts)
        left[sweep_id][shape] += 0 if state in TRIAL_FINAL else int(targets - epochs)
    return {
        sweep_id: Totals(
            counts[sweep_id],
            {
                shape: Epochs(
                    epochs, left[sweep_id][shape], reused[sweep_id][shape], inherited[sweep_id][shape]
                )
                for shape, epochs in done[sweep_id].items()
            },
            sources[sweep_id],
        )
        for sweep_id in sweep_ids
    }
