"""What a user can do to existing sweeps and trials: pause, resume, stop, cancel, retry, prefer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, BackgroundTasks

from services.api.deps import Services, ServicesDep
from services.api.known_fields import KnownFields
from services.api.read_sweep import read_sweep
from services.api.submission import announce
from services.api.views.sweep import SweepDetail
from services.api.views.trial import TrialView, trial_view
from services.domain.spec.spec import Priority
from services.store import sweep_verbs, sweeps, trial_verbs, trials
from services.store.models import Sweep, Trial
from services.store.session import Session

router = APIRouter()


@router.post("/sweeps/{sweep_id}/pause", status_code=202, tags=["sweeps"], summary="Pause a sweep")
def pause(sweep_id: str, services: ServicesDep) -> SweepDetail:
    """Save checkpoints and release the devices; only an active sweep can be paused.

    Queued packs are withdrawn at once, running packs end within one heartbeat of their worker. A pause does
    not count as an attempt of any trial. A sweep that is already paused is left as it is.
    """
    return _sweep(sweep_id, services, sweep_verbs.pause)


@router.post("/sweeps/{sweep_id}/resume", status_code=202, tags=["sweeps"], summary="Resume a paused sweep")
def resume(sweep_id: str, services: ServicesDep, background: BackgroundTasks) -> SweepDetail:
    """Continue from the checkpoints; the curves are the same as without a pause."""
    background.add_task(announce, services)
    return _sweep(sweep_id, services, sweep_verbs.resume)


@router.post("/sweeps/{sweep_id}/stop", status_code=202, tags=["sweeps"], summary="Stop a sweep")
def stop(sweep_id: str, services: ServicesDep, background: BackgroundTasks) -> SweepDetail:
    """Finish the trials that have begun and start no others; the sweep must be active or paused."""
    background.add_task(announce, services)
    return _sweep(sweep_id, services, sweep_verbs.stop)


@router.post("/sweeps/{sweep_id}/cancel", status_code=202, tags=["sweeps"], summary="Cancel a sweep")
def cancel(sweep_id: str, services: ServicesDep) -> SweepDetail:
    """End a sweep: its running trials end within a heartbeat of their worker, all others at once."""
    return _sweep(sweep_id, services, sweep_verbs.cancel)


@router.post(
    "/sweeps/{sweep_id}/retry", status_code=202, tags=["sweeps"], summary="Retry trials without a result"
)
def retry(sweep_id: str, services: ServicesDep, background: BackgroundTasks) -> SweepDetail:
    """Run failed and cancelled trials again, and those that were never drawn.

    Only a sweep that is active or over can be retried. Trials resume from their checkpoints if these still
    exist; the number of crashes of each trial is kept.
    """
    background.add_task(announce, services)
    return _sweep(sweep_id, services, sweep_verbs.retry)


class PriorityBody(KnownFields):
    """A sweep's new priority."""

    priority: Priority


@router.post(
    "/sweeps/{sweep_id}/priority", status_code=202, tags=["sweeps"], summary="Change a sweep's priority"
)
def set_priority(
    sweep_id: str, body: PriorityBody, services: ServicesDep, background: BackgroundTasks
) -> SweepDetail:
    """Serve a sweep before those of a lower priority, from the next free device on; what trains goes on.

    It is a number from -10 to 10, and 0 unless the spec names another one. Only a sweep that has not ended
    can be given a priority.
    """
    background.add_task(announce, services)
    return _sweep(sweep_id, services, partial(sweep_verbs.set_priority, priority=body.priority))


@router.post("/trials/{trial_id}/cancel", status_code=202, tags=["trials"], summary="Cancel a trial")
def cancel_trial(trial_id: str, services: ServicesDep) -> TrialView:
    """End one trial: a running one at the end of its epoch, a pending or queued one at once."""
    return _trial(trial_id, services, trial_verbs.cancel)


@router.post("/trials/{trial_id}/retry", status_code=202, tags=["trials"], summary="Retry a trial")
def retry_trial(trial_id: str, services: ServicesDep, background: BackgroundTasks) -> TrialView:
    """Run a failed, cancelled or pruned trial again; in a sweep that was over, only this trial runs."""
    background.add_task(announce, services)
    return _trial(trial_id, services, trial_verbs.retry)


def _sweep(sweep_id: str, services: Services, verb: Callable[[Session, str], Sweep]) -> SweepDetail:
    services.store.write(lambda session: verb(session, sweep_id))
    return read_sweep(sweep_id, services)


def _trial(trial_id: str, services: Services, verb: Callable[[Session, str], Trial]) -> TrialView:
    services.store.write(lambda session: verb(session, trial_id))
    trial, sweep = services.store.read(
        lambda session: (found := trials.get(session, trial_id), sweeps.get(session, found.sweep_id))
    )
    return trial_view(trial, sweep, services.settings)
