"""Epochs: what a pack's trials report is one transaction each, behind the fence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.domain import json_numbers
from services.domain.errors import ServiceError
from services.domain.json_numbers import Metrics
from services.domain.spec.objective import Objective
from services.domain.spec.spec import Spec
from services.domain.states import TrialState
from services.store import events
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


def commit(session: Session, held: Lease, epoch: Epoch) -> bool:
    """Write one epoch of all live trials, all or nothing; says whether it was new.

    An epoch that was reported before, because the pack went back to an older checkpoint, keeps its row and
    its time; where a value differs it is replaced and MLflow's copy is written anew.
    """
    pack = fence(session, held)
    live = list(epoch.metrics)
    trials = {t.id: t for t in session.scalars(select(Trial).where(Trial.id.in_(live)).with_for_update())}
    fresh = [trial_id for trial_id in live if trials[trial_id].epoch < epoch.number]
    objective = Spec.model_validate(session.get_one(Sweep, pack.sweep_id).spec).objective
    if fresh:
        moved = touched(
            session.execute(
                update(Trial)
                .where(
                    Trial.pack_id == held.pack_id,
                    Trial.state == TrialState.RUNNING,
                    Trial.epoch == epoch.number - 1,
                    Trial.id.in_(fresh),
                )
                .values(epoch=epoch.number)
                .execution_options(synchronize_session=False)
            )
        )
        if moved != len(fresh):
            raise ServiceError(
                f"pack {held.pack_id}: {len(fresh)} trials report epoch {epoch.number}, "
                f"but {moved} of them stood at the one before"
            )
    for trial_id in live:
        encoded = json_numbers.encode(epoch.metrics[trial_id])
        if trial_id in fresh:
            report = Report(
                trial_id=trial_id, epoch=epoch.number, pack_id=held.pack_id, at=db_now(), metrics=encoded
            )
            session.add(report)
        else:
            _replace(session, trials[trial_id], epoch.number, encoded)
        _score(session, trials[trial_id], epoch, objective)
    if epoch.saved:
        remember(session, held, epoch.saved, live)
    spent = {"busy_ms": Pack.busy_ms + epoch.busy_ms, "work_ms": Pack.work_ms + epoch.work_ms}
    session.execute(update(Pack).where(Pack.id == held.pack_id).values(spent))
    if fresh:
        told = {
            trial_id: json_numbers.encode(epoch.metrics[trial_id]).get(objective.metric) for trial_id in fresh
        }
        events.epoch_done(session, pack.sweep_id, pack.id, epoch.number, told)
    return bool(fresh)


def _replace(session: Session, trial: Trial, number: int, encoded: Mapping[str, Any]) -> None:
    """Correct an epoch that came out different the second time; speeds differ always and do not count."""
    report = session.get_one(Report, (trial.id, number))
    if _curve_only(report.metrics) != _curve_only(encoded):
        report.metrics = dict(encoded)
        trial.exported_epoch = -1


def _curve_only(encoded: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in encoded.items() if not name.startswith("perf/")}


def _score(session: Session, trial: Trial, epoch: Epoch, objective: Objective) -> None:
    best = epoch.best.get(trial.id)
    last = epoch.metrics[trial.id].get(objective.metric)
    values: dict[str, Any] = {"last_value": last if last is not None and abs(last) < float("inf") else None}
    if best:
        values |= {"best_epoch": best[0], "best_value": best[1]}
    session.execute(
        update(Trial).where(Trial.id == trial.id).values(values).execution_options(synchronize_session=False)
    )


def remember(session: Session, held: Lease, saved: Saved, live: Collection[str]) -> None:
    """Have these trials go on from a checkpoint; the caller has passed the fence. Asked again, do nothing."""
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
