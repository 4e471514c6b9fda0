"""Read one sweep as it is now: the answer of every route that shows, makes or changes one."""

from __future__ import annotations

from collections.abc import Sequence

from services.api.deps import Services
from services.api.views.lineage import ForkedFromView, forked_from_view
from services.api.views.mlflow import mlflow_view
from services.api.views.sweep import SweepDetail, sweep_detail, sweep_view
from services.domain.blocker import Blocker
from services.domain.plan.plan import Plan
from services.store import attempts, blockers, lineage, mirror_status, sweep_status, sweeps
from services.store.attempts import Setback
from services.store.lineage import ReusedSweep
from services.store.mirror_status import MirrorStatus
from services.store.session import Session
from services.store.sweep_status import SweepStatus


def read_sweep(sweep_id: str, services: Services) -> SweepDetail:
    """The sweep with its progress, its best point and what holds it up; `NotFound` if none has that id."""
    mirrored = services.settings.mlflow_url is not None

    def read(
        session: Session,
    ) -> tuple[
        SweepStatus,
        MirrorStatus,
        list[Blocker],
        list[Setback],
        ForkedFromView | None,
        Sequence[ReusedSweep],
    ]:
        sweep = sweeps.get(session, sweep_id)
        [status] = sweep_status.of(session, [sweep])
        there = mirror_status.status(session, [sweep_id])[sweep_id]
        behind = mirrored and there.runs < there.of
        reasons = blockers.of(session, sweep, status.stalled, status.failed, behind)
        setbacks = attempts.setbacks(session, status.attempts, status.now)
        reused = lineage.reused_by(session, sweep_id) if status.standing.reused else []
        return status, there, reasons, setbacks, forked_from(session, status.plan, sweep_id), reused

    status, there, reasons, setbacks, origin, reused = services.store.read(read)
    mlflow = mlflow_view(status.sweep, there, services.settings)
    view = sweep_view(status, services.settings)
    return sweep_detail(view, status.sweep.description, mlflow, reasons, setbacks, origin, reused)


def forked_from(session: Session, plan: Plan, sweep_id: str) -> ForkedFromView | None:
    """What the trial of a fork begins with; None of any other sweep."""
    start = lineage.start_of_fork(session, sweep_id) if plan.fork else None
    return forked_from_view(plan, start)
