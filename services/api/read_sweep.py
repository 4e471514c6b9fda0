"""Read one sweep as it is now: the answer of every route that shows, makes or changes one."""

from __future__ import annotations

from services.api.deps import Services
from services.api.views.mlflow import mlflow_view
from services.api.views.sweep import SweepDetail, sweep_detail, sweep_view
from services.domain.blocker import Blocker
from services.store import attempts, blockers, mirror_status, sweep_status, sweeps
from services.store.attempts import Setback
from services.store.mirror_status import MirrorStatus
from services.store.session import Session
from services.store.sweep_status import SweepStatus


def read_sweep(sweep_id: str, services: Services) -> SweepDetail:
    """The sweep with its progress, its best point and what holds it up; `NotFound` if none has that id."""
    mirrored = services.settings.mlflow_url is not None

    def read(session: Session) -> tuple[SweepStatus, MirrorStatus, list[Blocker], list[Setback]]:
        sweep = sweeps.get(session, sweep_id)
        [status] = sweep_status.of(session, [sweep])
        there = mirror_status.status(session, [sweep_id])[sweep_id]
        behind = mirrored and there.runs < there.of
        reasons = blockers.of(session, sweep, status.stalled, status.failed, behind)
        return status, there, reasons, attempts.setbacks(session, status.attempts, status.now)

    status, there, reasons, setbacks = services.store.read(read)
    mlflow = mlflow_view(status.sweep, there, services.settings)
    return sweep_detail(sweep_view(status, services.settings, services.library), mlflow, reasons, setbacks)
