"""Reports: one row per trial and epoch, written behind the fence, an epoch of a pack in one transaction."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from services.domain import json_numbers
from services.domain.errors import ServiceError
from services.domain.json_numbers import Metrics
from services.domain.spec.objective import Objective
from services.domain.states import TrialState
from services.store import events, mirror
from services.store.clock import db_now
from services.store.leases import Lease, fence
from services.store.models import Checkpoint, Pack, Report, Sweep, Trial
from services.store.session import touched


@dataclass(frozen=True)
class Saved:
    """A checkpoint file that is already durable."""

    epoch: int
    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Epoch:
    """What one epoch of a pack adds: metrics per live trial, and the checkpoint if one was written."""

    number: int
    metrics: Mapping[str, Metrics]
    best: Mapping[str, tuple[int, float]]  # trial → (epoch, objective value)
    saved: Saved | None
    busy_ms: int
    work_ms: int


# ---- written


def commit(session: Session, held: Lease, epoch: Epoch) -> bool:
    """Write one epoch of all live trials, all or nothing; returns whether it was new.

    An epoch that was reported before, because the pack went back to an older checkpoint, keeps its row and
    its time; where a value differs it is replaced and MLflow's copy is written again.
    """
    pack = fence(session, held)
    spec = session.scalars(select(Sweep.stored_spec).where(Sweep.id == pack.sweep_id)).one().read()
    live = list(epoch.metrics)
    reported = {t.id: t for t in session.scalars(select(Trial).where(Trial.id.in_(live)).with_for_update())}
    encoded = {trial_id: json_numbers.encode(metrics) for trial_id, metrics in epoch.metrics.items()}
    fresh = {trial_id: encoded[trial_id] for trial_id in live if reported[trial_id].epoch < epoch.number}
    repeated = {trial_id: encoded[trial_id] for trial_id in live if trial_id not in fresh}
    _advance(session, pack, epoch.number, fresh)
    _report(session, pack, epoch.number, fresh)
    _correct(session, pack.sweep_id, epoch.number, repeated)
    _score(session, epoch, spec.objective)
    if epoch.saved:
        remember(session, held, epoch.saved, live)
    spent: dict[str, Any] = {
        "busy_ms": Pack.busy_ms + max(1, epoch.busy_ms),  # a sum that shows every commit: standings.py
        "work_ms": Pack.work_ms + epoch.work_ms,
    }
    if fresh:
        spent["progress_at"] = db_now()
    session.execute(update(Pack).where(Pack.id == held.pack_id).values(spent))
    if fresh:
        values = {trial_id: metrics.get(spec.objective.metric) for trial_id, metrics in fresh.items()}
        events.epoch_done(session, pack.sweep_id, pack.id, epoch.number, values)
        mirror.changed(session, pack.sweep_id)
    return bool(fresh)


def _advance(session: Session, pack: Pack, number: int, fresh: Collection[str]) -> None:
    """Count an epoch of trials that report it for the first time; each must have reported the one before."""
    if not fresh:
        return
    advanced = touched(
        session.execute(
            update(Trial)
            .where(
                Trial.pack_id == pack.id,
                Trial.state == TrialState.RUNNING,
                Trial.epoch == number - 1,
                Trial.id.in_(list(fresh)),
            )
            .values(epoch=number)
            .execution_options(synchronize_session=False)
        )
    )
    if advanced != len(fresh):
        raise ServiceError(
            f"pack {pack.id}: {len(fresh)} trials report epoch {number}, "
            f"but {advanced} of them have reported the one before"
        )


def _report(session: Session, pack: Pack, number: int, fresh: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the reports of an epoch that is new."""
    for trial_id, metrics in fresh.items():
        session.add(
            Report(trial_id=trial_id, epoch=number, pack_id=pack.id, at=db_now(), metrics=dict(metrics))
        )


def _correct(session: Session, sweep_id: str, number: int, repeated: Mapping[str, Mapping[str, Any]]) -> None:
    """Replace reports that came out different the second time; speeds always differ and do not count."""
    corrected = []
    for trial_id, metrics in repeated.items():
        report = session.get_one(Report, (trial_id, number))
        if _curve_only(report.metrics) != _curve_only(metrics):
            report.metrics = dict(metrics)
            corrected.append(trial_id)
    if corrected:
        mirror.correct(session, sweep_id, corrected)


def _curve_only(encoded: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in encoded.items() if not name.startswith("perf/")}


def _score(session: Session, epoch: Epoch, objective: Objective) -> None:
    """Write each trial's last value and its best one so far."""
    rows: list[dict[str, Any]] = []
    for trial_id, metrics in epoch.metrics.items():
        last = metrics.get(objective.metric)
        row = {"id": trial_id, "last_value": last if last is not None and math.isfinite(last) else None}
        if best := epoch.best.get(trial_id):
            row |= {"best_epoch": best[0], "best_value": best[1]}
        rows.append(row)
    if rows:
        session.execute(update(Trial), rows)


def remember(session: Session, held: Lease, saved: Saved, live: Collection[str]) -> None:
    """Have these trials go on from a checkpoint, once; the caller has passed the fence."""
    repeated = select(Checkpoint).where(Checkpoint.pack_id == held.pack_id, Checkpoint.epoch == saved.epoch)
    if session.scalars(repeated).one_or_none():
        return
    checkpoint = Checkpoint(
        pack_id=held.pack_id,
        epoch=saved.epoch,
        path=saved.path,
        sha256=saved.sha256,
        bytes=saved.bytes,
        created_at=db_now(),
    )
    session.add(checkpoint)
    session.flush()
    session.execute(
        update(Trial)
        .where(Trial.id.in_(live))
        .values(saved_epoch=saved.epoch, checkpoint_id=checkpoint.id)
        .execution_options(synchronize_session=False)
    )


# ---- read


def curve(session: Session, trial_id: str, after: int = 0) -> Sequence[Report]:
    """A trial's reports beyond an epoch, in order."""
    return session.scalars(
        select(Report).where(Report.trial_id == trial_id, Report.epoch > after).order_by(Report.epoch)
    ).all()


def page(
    session: Session, sweep_id: str, limit: int, number: int = -1, epoch: int = 0
) -> Sequence[tuple[Trial, Report]]:
    """A sweep's reports by trial and epoch, behind this epoch of the trial with this number."""
    here = and_(Trial.number == number, Report.epoch > epoch)
    rows = session.execute(
        select(Trial, Report)
        .join(Report, Report.trial_id == Trial.id)
        .where(Trial.sweep_id == sweep_id, or_(here, Trial.number > number), Trial.number >= number)
        .order_by(Trial.number, Report.epoch)
        .limit(limit)
    )
    return [(trial, report) for trial, report in rows]
